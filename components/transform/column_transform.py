"""The transform graph written without a Beam pass, and every row sent through it in batches of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import impl_helper  # what TFX's own Transform calls where a graph needs no pass over the data
from tensorflow_transform.tf_metadata import metadata_io, schema_utils
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter, TensorAdapterConfig
from tfx_bsl.tfxio.tensor_representation_util import InferTensorRepresentationsFromMixedSchema

from adclick.filesystem import join
from components.example_gen.columns import read_columns
from components.example_gen.example_writing import write_shards
from configs.features import FeatureTable
from trainer.analysis import Known
from trainer.preprocessing import preprocess

BATCH_ROWS = 8192


def write_graph(table: FeatureTable, schema: schema_pb2.Schema, known: Known, graph_uri: str) -> None:
    """Writes what tft.TFTransformOutput reads: the graph, its vocabularies, raw and transformed metadata.

    Raises RuntimeError where preprocessing holds an analyzer of TFT that `known` does not stand in for.
    """
    spec = schema_utils.schema_as_feature_spec(schema).feature_spec
    impl_helper.analyze_in_place(
        lambda inputs: preprocess(inputs, table, known),
        force_tf_compat_v1=True,
        feature_specs=spec,
        type_specs=None,
        transform_output_path=graph_uri,
    )
    raw = tft.DatasetMetadata(schema)
    metadata_io.write_metadata(raw, join(graph_uri, tft.TFTransformOutput.RAW_METADATA_DIR))


def known_to(schema: schema_pb2.Schema, columns: pa.Schema) -> schema_pb2.Schema:
    """The schema's features that the columns have."""
    kept = schema_pb2.Schema()
    kept.CopyFrom(schema)
    del kept.feature[:]
    kept.feature.extend(feature for feature in schema.feature if feature.name in columns.names)
    return kept


class ColumnTransform:
    """Raw columns to transformed Examples."""

    def __init__(self, graph_uri: str, schema: schema_pb2.Schema) -> None:
        """`schema`: the raw features, all of which the columns have."""
        output = tft.TFTransformOutput(graph_uri)
        self._representations = InferTensorRepresentationsFromMixedSchema(schema)
        # The lookup tables that `transform_raw_features` makes have the same names for every graph, and a process has
        # one table of a name: a second graph would look its values up in the first one's vocabularies.
        self._layer = output.transform_features_layer()
        self._transform: Callable[..., dict[str, tf.Tensor]] = tf.function(self._layer, autograph=False)
        self._to_arrow = impl_helper.make_tensor_to_arrow_converter(output.transformed_metadata.schema)

    def write(self, columns_uri: str, split: str, folder_uri: str, shard_bytes: int) -> None:
        """Writes a split's transformed Examples, in the order of the columns' rows."""
        for number, batch in enumerate(read_columns(columns_uri, split)):
            if batch.num_rows:
                transformed = pa.Table.from_batches(self._transformed(batch)).combine_chunks().to_batches()
                for piece in transformed:
                    write_shards(piece, folder_uri, f"transformed_examples-{number:05d}", shard_bytes)

    def _transformed(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        adapter = TensorAdapter(TensorAdapterConfig(batch.schema, self._representations))
        for start in range(0, batch.num_rows, BATCH_ROWS):
            tensors = adapter.ToBatchTensors(batch.slice(start, BATCH_ROWS))  # tf.SparseTensor [rows, 1] by feature
            yield self._to_arrow.convert(self._transform(tensors))
