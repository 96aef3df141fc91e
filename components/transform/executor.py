"""Unpacks ColumnTransform's artifacts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.example_gen.columns import read_columns, splits_of
from components.example_gen.splitting import TRAIN
from components.transform.column_analysis import analyse
from components.transform.column_transform import ColumnTransform, known_to, write_graph
from configs.features import FeatureTable


class ColumnTransformExecutor(BaseExecutor):
    """Work of ColumnTransformGen."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Analyses the training rows, writes the graph, transforms every split."""
        table = FeatureTable.model_validate_json(exec_properties["features"])
        columns_uri = artifact_utils.get_single_uri(input_dict["columns"])
        schema_uri = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.parse_pbtxt_file(io_utils.get_only_uri_in_dir(schema_uri), schema_pb2.Schema())
        schema = known_to(schema, next(read_columns(columns_uri)).schema)
        graph_uri = artifact_utils.get_single_uri(output_dict["transform_graph"])
        with tempfile.TemporaryDirectory() as folder:
            write_graph(table, schema, analyse(read_columns(columns_uri, TRAIN), table, Path(folder)), graph_uri)

        examples = artifact_utils.get_single_instance(output_dict["transformed_examples"])
        splits = splits_of(columns_uri)
        examples.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")
        transform = ColumnTransform(graph_uri, schema)
        for split in splits:
            folder_uri = artifact_utils.get_split_uri([examples], split)
            fileio.makedirs(folder_uri)
            transform.write(columns_uri, split, folder_uri, shard_bytes=exec_properties["shard_mb"] << 20)
