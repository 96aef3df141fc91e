"""Transform from columns gives what TensorFlow Transform gives on Beam: same graph inputs, same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import Columns
from components.example_gen.columns import split_folder, write_columns
from components.transform.executor import ColumnTransformExecutor
from configs.features import FLOAT_KINDS, INT_KINDS, FeatureTable
from pipeline.table_schema import table_schema
from trainer.analysis import seen_name, vocabulary_name
from trainer.preprocessing import preprocessing_fn

TABLE = FeatureTable.model_validate(
    [
        {"name": "clicked", "kind": "label"},
        {"name": "importance", "kind": "weight"},
        {"name": "user", "kind": "key"},
        {"name": "age", "kind": "numeric"},
        {"name": "price", "kind": "numeric", "transform": "log"},
        {"name": "rate", "kind": "numeric", "transform": "logit"},
        {"name": "floor", "kind": "numeric", "default": 3.0},
        {"name": "never", "kind": "numeric"},
        {"name": "tenure", "kind": "bucketized", "buckets": 5},
        {"name": "never_cut", "kind": "bucketized"},
        {"name": "city", "kind": "categorical", "min_count": 20},
        {"name": "ties", "kind": "categorical", "min_count": 1, "vocabulary_size": 7},
        {"name": "rare", "kind": "categorical", "min_count": 10_000},
        {"name": "page", "kind": "hashed", "buckets": 50},
        {"name": "topics", "kind": "text", "buckets": 100, "separator": "|"},
        {"name": "shown_at", "kind": "timestamp"},
        {"name": "creative", "kind": "image"},
    ]
)
TRAIN_ROWS, EVAL_ROWS = 3_000, 1_000


def drawn(rows: int, seed: int) -> dict[str, list[Any]]:
    """Columns with missing cells, ties, values that no vocabulary file can hold, and numbers of every size."""
    random = np.random.default_rng(seed)

    def holed(values: Any, share: float = 0.2) -> list[Any]:
        gone = random.random(rows) < share
        return [None if hole else value for value, hole in zip(values, gone, strict=True)]

    cities = ["", "Łódź", "new\nline", "car\rriage", *(f"city {i}" for i in range(40))]
    return {
        "clicked": random.integers(0, 2, rows).tolist(),
        "importance": holed(random.random(rows).tolist()),
        "user": [f"u{i}" for i in range(rows)],
        "age": holed(random.normal(40, 12, rows).tolist()),
        "price": holed(random.lognormal(0, 2, rows).tolist()),
        "rate": holed(random.beta(1, 20, rows).tolist()),
        "floor": holed(random.normal(1e3, 1e2, rows).tolist()),
        "never": [None] * rows,
        "tenure": holed(random.exponential(10, rows).tolist()),
        "never_cut": [None] * rows,
        "city": holed([cities[int(i) % len(cities)] for i in random.geometric(0.08, rows)]),
        "ties": [f"t{i % 20:02d}" for i in range(rows)],
        "rare": holed(["x"] * rows),
        "page": holed([f"p{i}" for i in random.integers(0, 500, rows)]),
        "topics": holed(["|".join(f"w{j}" for j in range(i % 4)) for i in range(rows)]),
        "shown_at": holed(random.integers(0, 2_000_000_000, rows).tolist()),
        "creative": [f"{i % 30}.png" for i in range(rows)],
    }


def batch(columns: dict[str, list[Any]]) -> pa.RecordBatch:
    arrays = {}
    for feature in TABLE:
        kind = pa.binary()
        if isinstance(feature, FLOAT_KINDS):
            kind = pa.float32()
        elif isinstance(feature, INT_KINDS):
            kind = pa.int64()
        encoded = [v.encode() if isinstance(v, str) else v for v in columns[feature.name]]
        arrays[feature.name] = pa.array([None if v is None else [v] for v in encoded], pa.list_(kind))
    return pa.RecordBatch.from_pydict(arrays)


class Both(NamedTuple):
    """Transformed columns by split, and the graph's folder, of each way."""

    columns: dict[str, dict[str, Any]]
    columns_graph: tft.TFTransformOutput
    beam: dict[str, dict[str, Any]]
    beam_graph: tft.TFTransformOutput


def through_columns(root: Path, rows: dict[str, dict[str, list[Any]]]) -> tuple[dict[str, Any], tft.TFTransformOutput]:
    """The component's executor on three files of columns."""
    for split in rows:
        (root / "columns" / f"Split-{split}").mkdir(parents=True)
    train = batch(rows["train"])
    folder = split_folder(str(root / "columns"), "train")
    write_columns(train.slice(0, 1_100), folder, span=1, part="00000-00000")
    write_columns(train.slice(1_100), folder, span=2, part="00001-00000")
    write_columns(batch(rows["eval"]), split_folder(str(root / "columns"), "eval"), span=2, part="00001-00000")
    (root / "schema").mkdir()
    (root / "schema" / "schema.pbtxt").write_text(str(table_schema(TABLE, 0.0)))

    def artifact(kind: Any, name: str) -> Any:
        made = kind()
        made.uri = str(root / name)
        return made

    examples = artifact(standard_artifacts.Examples, "transformed")
    ColumnTransformExecutor().Do(
        {
            "columns": [artifact(Columns, "columns")],
            "schema": [artifact(standard_artifacts.Schema, "schema")],
        },
        {
            "transform_graph": [artifact(standard_artifacts.TransformGraph, "graph")],
            "transformed_examples": [examples],
        },
        {"features": TABLE.model_dump_json(), "shard_mb": 64},
    )
    output = tft.TFTransformOutput(str(root / "graph"))
    assert artifact_utils.decode_split_names(examples.split_names) == ["eval", "train"]
    found = {}
    for split in rows:
        files = sorted(str(file) for file in (root / "transformed" / f"Split-{split}").iterdir())
        serialized = list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
        found[split] = tf.io.parse_example(serialized, output.transformed_feature_spec())
    return found, output


def through_beam(root: Path, rows: dict[str, dict[str, list[Any]]]) -> tuple[dict[str, Any], tft.TFTransformOutput]:
    """TensorFlow Transform's own analyzers."""

    def instances(columns: dict[str, list[Any]]) -> list[dict[str, list[Any]]]:
        count = len(columns["clicked"])
        return [{n: [] if v[row] is None else [v[row]] for n, v in columns.items()} for row in range(count)]

    metadata = DatasetMetadata(table_schema(TABLE, 0.0))
    config = {"features": TABLE.model_dump_json()}
    with tft_beam.Context(temp_dir=str(root / "temp"), force_tf_compat_v1=True):
        transform = (instances(rows["train"]), metadata) | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, config)
        )
        _ = transform | tft_beam.WriteTransformFn(str(root / "graph"))
        found = {}
        for split, columns in rows.items():
            transformed, known = ((instances(columns), metadata), transform) | tft_beam.TransformDataset()
            encode = tft.coders.ExampleProtoCoder(known.schema).encode
            spec = tft.TFTransformOutput(str(root / "graph")).transformed_feature_spec()
            found[split] = tf.io.parse_example([encode(row) for row in transformed], spec)
    return found, tft.TFTransformOutput(str(root / "graph"))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    rows = {"train": drawn(TRAIN_ROWS, 1), "eval": drawn(EVAL_ROWS, 2)}
    columns, columns_graph = through_columns(tmp_path_factory.mktemp("columns"), rows)
    beam, beam_graph = through_beam(tmp_path_factory.mktemp("beam"), rows)
    return Both(columns, columns_graph, beam, beam_graph)


@pytest.mark.parametrize("split", ["train", "eval"])
def test_every_value_equals_that_of_tensorflow_transform(both: Both, split: str) -> None:
    ours, theirs = both.columns[split], both.beam[split]
    assert ours.keys() == theirs.keys()
    for name, column in theirs.items():
        if isinstance(column, tf.SparseTensor):
            np.testing.assert_array_equal(ours[name].indices, column.indices, err_msg=name)
            np.testing.assert_array_equal(ours[name].values, column.values, err_msg=name)
        elif column.dtype == tf.float32:
            np.testing.assert_allclose(ours[name], column, rtol=1e-5, atol=1e-6, err_msg=name)
        elif name == "tenure":
            # Quantiles are sketched with an error of 0.01 in rank; batches differ, so a row in a hundred may too.
            assert np.mean(ours[name].numpy() != column.numpy()) <= 0.01
        else:
            np.testing.assert_array_equal(ours[name], column, err_msg=name)


@pytest.mark.parametrize("name", ["city", "ties", "rare"])
def test_vocabularies_are_the_same_in_the_same_order(both: Both, name: str) -> None:
    ours = both.columns_graph.vocabulary_by_name(vocabulary_name(name))
    assert ours == both.beam_graph.vocabulary_by_name(vocabulary_name(name))
    assert both.columns_graph.vocabulary_size_by_name(vocabulary_name(name)) == len(ours)
    seen = both.columns_graph.vocabulary_by_name(seen_name(name))
    assert seen == both.beam_graph.vocabulary_by_name(seen_name(name))
    assert seen[: len(ours)] == ours or name == "rare"  # none of its values is frequent, so that a stand-in is


def test_ties_are_cut_where_the_vocabulary_is_full(both: Both) -> None:
    # 20 values of 150 rows each, 7 places: falling byte order keeps t19 to t13
    assert both.columns_graph.vocabulary_by_name(vocabulary_name("ties")) == [b"t%02d" % i for i in range(19, 12, -1)]


def test_the_graph_takes_the_same_raw_features(both: Both) -> None:
    raw = DatasetMetadata(table_schema(TABLE, 0.0)).schema
    assert both.columns_graph.raw_metadata.schema == raw
    assert both.columns_graph.raw_feature_spec().keys() == {feature.name for feature in TABLE}
    assert both.columns_graph.transformed_feature_spec() == both.beam_graph.transformed_feature_spec()


def test_a_second_graph_in_the_process_has_its_own_vocabularies(tmp_path: Path) -> None:
    """Of two months whose cities differ in their order, each row's city is at its place in its own month's vocabulary.

    Retraining in a process that has trained before does this.
    """
    for month, cities in (("first", ["a", "b", "c"]), ("second", ["c", "b", "a"])):
        rows = drawn(300, 1)
        rows["city"] = [cities[0]] * 150 + [cities[1]] * 100 + [cities[2]] * 50
        (tmp_path / month).mkdir()
        found, output = through_columns(tmp_path / month, {"train": rows, "eval": rows})
        assert output.vocabulary_by_name(vocabulary_name("city")) == [one.encode() for one in cities]
        # in file order: two parts of the columns, the second empty, as there are fewer than 1,100 rows
        assert found["train"]["city"].numpy().tolist() == [0] * 150 + [1] * 100 + [2] * 50
