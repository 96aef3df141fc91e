"""ServedBaselineEvaluator on artifacts as its neighbours leave them: two SavedModels, Examples and columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import json_format, text_format
from tfx.types import standard_artifacts
from tfx.utils import json_utils, path_utils

from components.artifacts import Columns
from components.evaluator.component import GATE_SETTINGS
from components.evaluator.executor import METRICS_FILE, SCORES_FILE, ServedBaselineExecutor
from components.evaluator.metrics import click_metrics
from components.example_gen.columns import write_columns
from components.quality_gate.blessing import read_verdict
from configs.evaluation import Bounds, Evaluation
from configs.features import FeatureTable
from pipeline.evaluation import eval_config
from pipeline.table_schema import table_schema

N_ROWS = 300
TABLE = FeatureTable.model_validate(
    [
        {"name": "device", "kind": "categorical"},
        {"name": "user", "kind": "key"},
        {"name": "price", "kind": "numeric"},
        {"name": "importance", "kind": "weight"},
        {"name": "clicked", "kind": "label"},
    ]
)
AGGREGATED = FeatureTable.model_validate(
    [{**entry.model_dump(), **({"impressions": "importance"} if entry.name == "clicked" else {})} for entry in TABLE]
)
SLICES = (("device",), ("known:user",), ("span",))


def artifact(kind: Any, folder: Path, number: int = 0) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    made = kind()
    made.uri = str(folder)
    made.id = number
    return made


def export(folder: Path, slope: float) -> None:
    """A SavedModel that answers sigmoid(slope · price − 1)."""

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, examples: Any) -> Any:
            parsed = tf.io.parse_example(examples, {"price": tf.io.FixedLenFeature([], tf.float32, 0.0)})
            return {"click_probability": tf.sigmoid(slope * parsed["price"] - 1.0)}

    model = Model()
    tf.saved_model.save(model, str(folder), signatures={"serving_default": model.serve})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Evaluation rows of which the clicks follow the price; candidate knows it better than the baseline."""
    rows = drawn()
    price = np.array(rows["price"])
    clicked = np.random.default_rng(4).random(N_ROWS) < 1 / (1 + np.exp(1 - 2 * price))
    return upstream(tmp_path_factory.mktemp("upstream"), {**rows, "clicked": clicked.astype(np.int64).tolist()}, TABLE)


@pytest.fixture(scope="module")
def aggregated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The same with 1 to 20 impressions a row, their clicks by the click rate."""
    rows, draws = drawn(), np.random.default_rng(5)
    shown = draws.integers(1, 21, N_ROWS)
    clicks = draws.binomial(shown, 1 / (1 + np.exp(1 - 2 * np.array(rows["price"]))))
    counted = {"importance": shown.astype(float).tolist(), "clicked": (clicks / shown).astype(np.float32).tolist()}
    return upstream(tmp_path_factory.mktemp("aggregated"), {**rows, **counted}, AGGREGATED)


def drawn() -> dict[str, list[Any]]:
    """All columns but the label."""
    draws = np.random.default_rng(3)
    return {
        "device": [f"d{one}".encode() for one in draws.integers(0, 3, N_ROWS)],
        "user": [f"u{one}".encode() for one in draws.integers(0, 50, N_ROWS)],
        "price": draws.normal(size=N_ROWS).astype(np.float32).tolist(),
        "importance": draws.integers(1, 4, N_ROWS).astype(np.float32).tolist(),
    }


def upstream(root: Path, rows: dict[str, list[Any]], table: FeatureTable) -> dict[str, list[Any]]:
    """Columns, Examples, their schema, and both models."""
    kinds = {bytes: pa.binary(), float: pa.float32(), int: pa.int64()}
    batch = pa.RecordBatch.from_arrays(
        [pa.array([[one] for one in values], pa.list_(kinds[type(values[0])])) for values in rows.values()],
        list(rows),
    )
    columns = artifact(Columns, root / "columns")
    for split, part in (("train", batch.slice(0, 20)), ("eval", batch)):
        (root / "columns" / f"Split-{split}").mkdir()
        write_columns(part, str(root / "columns" / f"Split-{split}"), 7, "00000-00000")
    examples = artifact(standard_artifacts.Examples, root / "examples")
    examples.split_names = '["train", "eval"]'
    (root / "examples" / "Split-eval").mkdir()
    with tf.io.TFRecordWriter(str(root / "examples" / "Split-eval" / "data.gz"), "GZIP") as records:
        for index in range(N_ROWS):
            example = tf.train.Example()
            for name, values in rows.items():
                feature, value = example.features.feature[name], values[index]
                kind = "bytes_list" if isinstance(value, bytes) else "int64_list"
                getattr(feature, "float_list" if isinstance(value, float) else kind).value.append(value)
            records.write(example.SerializeToString())
    schema = artifact(standard_artifacts.Schema, root / "schema")
    text = text_format.MessageToString(table_schema(table, 0.0))
    (root / "schema" / "schema.pbtxt").write_text(text)
    model = artifact(standard_artifacts.Model, root / "model", 5)
    export(Path(path_utils.serving_model_dir(model.uri)), 2.0)
    baseline = artifact(standard_artifacts.Model, root / "baseline", 6)
    baseline.set_int_custom_property("version", 3)
    export(Path(path_utils.serving_model_dir(baseline.uri)), 0.5)
    return {
        "examples": [examples],
        "columns": [columns],
        "schema": [schema],
        "model": [model],
        "baseline_model": [baseline],
    }


def run(
    inputs: dict[str, list[Any]],
    folder: Path,
    bounds: Bounds,
    engine: str = "fast",
    force_bless: str = "",
    kept_share: float = 1.0,
    table: FeatureTable = TABLE,
) -> tuple[Path, Any]:
    """The evaluation's folder and the blessing."""
    settings = Evaluation(slices=SLICES, bounds=bounds)
    config = eval_config(settings, table, kept_share)
    outputs = {
        "evaluation": [artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")],
        "blessing": [artifact(standard_artifacts.ModelBlessing, folder / "blessing")],
    }
    properties = {
        "eval_config": json_format.MessageToJson(config, preserving_proto_field_name=True),
        "example_splits": json_utils.dumps(["eval"]),
        "features": table.model_dump_json(),
        "gate": settings.model_dump_json(include=GATE_SETTINGS),
        "force_bless": force_bless,
        "engine": engine,
        "negative_sampling_rate": kept_share,
    }
    ServedBaselineExecutor().Do(inputs, outputs, properties)
    return folder / "evaluation", outputs["blessing"][0]


LENIENT = Bounds(min_calibration_ratio=0.1, max_calibration_ratio=10.0)


def test_a_model_within_its_bounds_is_blessed_and_measured_on_every_slice(
    inputs: dict[str, list[Any]], tmp_path: Path
) -> None:
    folder, blessing = run(inputs, tmp_path, LENIENT)
    assert [one.name for one in Path(blessing.uri).iterdir()] == ["BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("baseline_model") == inputs["baseline_model"][0].uri
    assert (
        blessing.get_int_custom_property("current_model_id"),
        blessing.get_int_custom_property("baseline_model_id"),
    ) == (5, 6)
    with np.load(folder / SCORES_FILE) as scores:
        assert sorted(scores.files) == ["baseline", "candidate", "label", "weight"]
        expected = click_metrics(scores["label"], scores["candidate"], scores["weight"])
    entries = json.loads((folder / METRICS_FILE).read_text())
    by_slice = {json.dumps(one["slice"]): one for one in entries}
    assert by_slice["{}"]["candidate"]["auc"]["value"] == pytest.approx(expected.auc)
    assert by_slice["{}"]["candidate"]["auc"]["low"] == pytest.approx(expected.auc_low)
    assert by_slice["{}"]["difference"]["log_loss"]["value"] < 0
    assert by_slice['{"span": 7}']["count"] == by_slice["{}"]["count"] == N_ROWS
    known, new = by_slice['{"known:user": "known"}'], by_slice['{"known:user": "new"}']
    assert known["count"] + new["count"] == N_ROWS
    assert min(known["count"], new["count"]) > 0
    assert {'{"device": "d0"}', '{"device": "d1"}', '{"device": "d2"}'} <= by_slice.keys()


def test_a_model_beyond_a_bound_is_not_blessed(inputs: dict[str, list[Any]], tmp_path: Path) -> None:
    _, blessing = run(inputs, tmp_path, LENIENT.model_copy(update={"min_auc": 0.99}))
    assert [one.name for one in Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 0


def test_without_a_model_in_service_only_the_absolute_bounds_hold(inputs: dict[str, list[Any]], tmp_path: Path) -> None:
    none = artifact(standard_artifacts.Model, tmp_path / "none")
    folder, blessing = run({**inputs, "baseline_model": [none]}, tmp_path, LENIENT)
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("baseline_model") == ""
    (overall, *_) = json.loads((folder / METRICS_FILE).read_text())
    assert {"baseline", "difference"}.isdisjoint(overall)


def test_a_model_that_is_worse_than_the_one_in_service_is_refused_unless_forced(
    inputs: dict[str, list[Any]], tmp_path: Path
) -> None:
    """The flat slope follows the steep one: both rank alike, and the probabilities are worse."""
    turned = {**inputs, "model": inputs["baseline_model"], "baseline_model": [versioned(inputs["model"][0])]}
    folder, blessing = run(turned, tmp_path / "refused", LENIENT)
    assert [one.name for one in Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 0
    refused = read_verdict(str(folder))
    assert "normalized entropy change" in [one["name"] for one in refused["bounds"] if not one["held"]]
    assert len(refused["reasons"]) == sum(not one["held"] for one in refused["bounds"])
    assert refused["force"] is None
    assert {one["slice"] for one in refused["slices_too_small"]["largest"]} >= {
        "device=d0",
        "span=7",
    }  # fewer than 500 rows

    folder, blessing = run(turned, tmp_path / "forced", LENIENT, force_bless="a day of clicks is missing")
    assert [one.name for one in Path(blessing.uri).iterdir()] == ["BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 1
    assert blessing.get_string_custom_property("force_reason") == "a day of clicks is missing"
    forced = read_verdict(str(folder))
    assert (forced["passed"], forced["blessed"], forced["reasons"]) == (False, True, refused["reasons"])
    assert forced["force"]["reason"] == "a day of clicks is missing"


def versioned(model: Any) -> Any:
    served = standard_artifacts.Model()
    served.uri, served.id = model.uri, model.id
    served.set_int_custom_property("version", 3)
    return served


UNWEIGHTED = FeatureTable.model_validate([entry.model_dump() for entry in TABLE if entry.name != "importance"])


@pytest.mark.parametrize("table", [TABLE, UNWEIGHTED], ids=["weighted", "unweighted"])
def test_thinned_negatives_are_weighed_back(inputs: dict[str, list[Any]], tmp_path: Path, table: FeatureTable) -> None:
    """By a fifth: clicks weigh what they did, the others five times that; the verdict is made of the same."""
    sampled, _ = run(inputs, tmp_path / "sampled", LENIENT, table=table)
    folder, _ = run(inputs, tmp_path / "all", LENIENT, kept_share=0.2, table=table)
    with np.load(sampled / SCORES_FILE) as before, np.load(folder / SCORES_FILE) as after:
        weight = before["weight"] if "weight" in before.files else np.ones(N_ROWS)
        assert after["label"].tolist() == before["label"].tolist()
        assert after["weight"] == pytest.approx(weight * np.where(before["label"] == 1, 1, 5))
        expected = click_metrics(after["label"], after["candidate"], after["weight"])
    (overall, *_) = json.loads((folder / METRICS_FILE).read_text())
    assert overall["candidate"]["calibration_ratio"]["value"] == pytest.approx(expected.calibration_ratio)
    by_name = {one["name"]: one["value"] for one in read_verdict(str(folder))["bounds"]}
    assert by_name["log loss"] == pytest.approx(expected.log_loss)


@pytest.mark.e2e
@pytest.mark.parametrize("table", [TABLE, UNWEIGHTED], ids=["weighted", "unweighted"])
def test_stock_tfma_weighs_back_too(inputs: dict[str, list[Any]], tmp_path: Path, table: FeatureTable) -> None:
    assert_same_by_both_routes(inputs, tmp_path, kept_share=0.2, table=table)


@pytest.mark.e2e
def test_stock_tfma_takes_aggregated_rows(aggregated: dict[str, list[Any]], tmp_path: Path) -> None:
    assert_same_by_both_routes(aggregated, tmp_path, table=AGGREGATED)
    assert_same_by_both_routes(aggregated, tmp_path / "thinned", kept_share=0.2, table=AGGREGATED)


def assert_same_by_both_routes(inputs: dict[str, list[Any]], folder: Path, **options: Any) -> None:
    from benchmarks.evaluator import greatest_difference, values_of

    (fast, blessed), (slow, also) = (run(inputs, folder / one, LENIENT, one, **options) for one in ("fast", "tfma"))
    shared = {key: value for key, value in values_of(fast).items() if not key[0] or key[0][0][0] == "device"}
    gap, worst = greatest_difference(shared, values_of(slow))
    assert gap < 1e-6, worst
    assert (fast / METRICS_FILE).read_bytes() == (slow / METRICS_FILE).read_bytes()
    assert blessed.get_int_custom_property("blessed") == also.get_int_custom_property("blessed")


@pytest.mark.e2e
def test_stock_tfma_gives_the_same_values_and_the_same_blessing(inputs: dict[str, list[Any]], tmp_path: Path) -> None:
    """But for the derived slices, which stock TFMA does not know: they are in click_metrics.json of both routes."""
    from benchmarks.evaluator import greatest_difference, values_of

    (fast, blessed), (slow, also) = (run(inputs, tmp_path / one, LENIENT, one) for one in ("fast", "tfma"))
    found = values_of(fast)
    shared = {key: value for key, value in found.items() if not key[0] or key[0][0][0] == "device"}
    assert len(shared) < len(found)
    gap, worst = greatest_difference(shared, values_of(slow))
    assert gap < 1e-6, worst
    assert (fast / METRICS_FILE).read_bytes() == (slow / METRICS_FILE).read_bytes()
    for name in ("current_model", "baseline_model"):
        assert blessed.get_string_custom_property(name) == also.get_string_custom_property(name)
    assert blessed.get_int_custom_property("blessed") == also.get_int_custom_property("blessed") == 1
