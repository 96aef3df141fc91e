"""Statistics from columns are TFDV's of the same Examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.anomaly_gate.feature_view import views
from components.artifacts import Columns, SpanStatistics
from components.example_gen.columns import split_folder, write_columns
from components.example_gen.ingest import Targets, ingest_block, plan_ingest
from components.example_gen.spans import select_input
from components.statistics_gen.column_statistics import column_statistics
from components.statistics_gen.executor import ColumnStatisticsGenExecutor
from configs.loading import load_settings
from configs.settings import Settings
from simulator.population import Size
from simulator.simulation import simulate

ROWS, MONTHS = 3_000, 3


class Ingested:
    """A simulated sample as Examples and as columns."""

    def __init__(self, root: Path) -> None:
        simulate(Size(impressions=ROWS, creatives=20, months=MONTHS, users=400, seed=3), root / "sample")
        self.settings: Settings = load_settings(None, [f"data.root={root / 'sample' / 'data'}"])
        data, table = self.settings.data, self.settings.features
        source = select_input(data.root, data.pattern, data.spans)
        plan = plan_ingest(source, data, table)
        self.columns = str(root / "columns")
        self.examples = {split: str(root / "examples" / split) for split in ("train", "eval")}
        folders = {split: split_folder(self.columns, split) for split in self.examples}
        for folder in (*self.examples.values(), *folders.values()):
            Path(folder).mkdir(parents=True)
        for index, block in enumerate(plan.blocks):
            targets = Targets(self.examples, folders, str(root / f"rejects-{index}.csv"))
            ingest_block(index, block, plan.rule, data, table, targets)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return Ingested(tmp_path_factory.mktemp("ingested"))


@pytest.fixture(scope="module")
def written(ingested: Ingested, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The statistics artifact and the folder of span statistics, of the component's executor."""
    root = tmp_path_factory.mktemp("statistics")
    columns, statistics, spans = Columns(), standard_artifacts.ExampleStatistics(), SpanStatistics()
    columns.uri, statistics.uri, spans.uri = ingested.columns, str(root / "splits"), str(root / "spans")
    ColumnStatisticsGenExecutor().Do(
        {"columns": [columns]}, {"statistics": [statistics], "span_statistics": [spans]}, {"impressions": ""}
    )
    return statistics, root / "spans"


def read(file: Path) -> Any:
    message = statistics_pb2.DatasetFeatureStatisticsList()
    message.ParseFromString(file.read_bytes())
    return message


def by_name(message: Any) -> dict[str, Any]:
    (dataset,) = message.datasets
    return {feature.path.step[0]: feature for feature in dataset.features}


def assert_same_ranks(got: Any, want: Any, name: str) -> None:
    """Counts of values are exact up to 1,024 of them; above, TFDV sketches, and merging adds rows / 1,024 a time."""
    mine, wanted = got.rank_histogram.buckets, want.rank_histogram.buckets
    if want.unique <= 1_024:
        assert list(mine) == list(wanted), name
    else:
        assert mine[0].sample_count == pytest.approx(wanted[0].sample_count, abs=MONTHS * ROWS / 1_024), name


@pytest.mark.parametrize("split", ["train", "eval"])
def test_every_figure_is_that_of_the_decoded_examples(ingested: Ingested, written: Any, split: str) -> None:
    statistics, _ = written
    assert artifact_utils.decode_split_names(statistics.split_names) == ["eval", "train"]
    ours = read(Path(artifact_utils.get_split_uri([statistics], split)) / "FeatureStats.pb")
    theirs = tfdv.generate_statistics_from_tfrecord(f"{ingested.examples[split]}/*.gz")
    assert ours.datasets[0].num_examples == theirs.datasets[0].num_examples > 500
    mine, wanted = by_name(ours), by_name(theirs)
    assert mine.keys() == wanted.keys()
    for name, feature in wanted.items():
        assert mine[name].type == feature.type, name
        kind = feature.WhichOneof("stats")
        got, want = getattr(mine[name], kind), getattr(feature, kind)
        assert got.common_stats == want.common_stats, name
        if kind == "num_stats":
            for figure in ("mean", "std_dev", "num_zeros", "min", "max", "median"):
                assert getattr(got, figure) == pytest.approx(getattr(want, figure), rel=1e-9), (name, figure)
        else:
            assert (got.unique, got.avg_length) == (want.unique, pytest.approx(want.avg_length)), name
            assert_same_ranks(got, want, name)


def test_the_newest_two_spans_have_statistics_of_all_their_rows(written: Any) -> None:
    _, spans = written
    assert sorted(folder.name for folder in spans.iterdir()) == ["span-2", "span-3"]
    counts = {folder.name: read(folder / "FeatureStats.pb").datasets[0].num_examples for folder in spans.iterdir()}
    assert counts == {"span-2": ROWS // MONTHS, "span-3": ROWS // MONTHS}


def test_spans_and_splits_count_the_same_rows_once(ingested: Ingested, written: Any) -> None:
    """Merging partial results must leave them as they were: a span's figures follow the splits' merging."""
    statistics, spans = written
    splits = [
        read(Path(artifact_utils.get_split_uri([statistics], split)) / "FeatureStats.pb") for split in ("train", "eval")
    ]
    assert sum(message.datasets[0].num_examples for message in splits) == ROWS
    newest = by_name(read(spans / "span-3" / "FeatureStats.pb"))["clicked"].num_stats
    assert newest.common_stats.num_non_missing == ROWS // MONTHS


def test_the_label_rate_of_aggregated_rows_is_that_of_their_impressions(tmp_path: Path) -> None:
    """Rates 0.5 of 2 and 0.1 of 8: 0.3 over rows, 1.8 / 10 over impressions; the gate takes the latter."""
    columns = {"clicks": [[0.5], [0.1]], "shown": [[2.0], [8.0]]}
    kind = pa.list_(pa.float32())
    batch = pa.RecordBatch.from_pydict({name: pa.array(values, kind) for name, values in columns.items()})
    for split in ("train", "eval"):
        folder = Path(split_folder(str(tmp_path), split))
        folder.mkdir()
        write_columns(batch, str(folder), span=7, part="00000-00000")
    plain, weighted = (column_statistics(str(tmp_path), weight).spans[7].datasets[0] for weight in (None, "shown"))
    assert plain.num_examples == weighted.num_examples == 4
    rates = [views(one)["clicks"] for one in (plain, weighted)]
    assert [one.mean for one in rates] == pytest.approx([0.3, 0.18])
    assert [one.impressions for one in rates] == [4, 20]


def test_one_span_serves_both_its_splits_and_itself(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"price": pa.array([[1.0], None, [3.0]], pa.list_(pa.float32()))})
    for split in ("train", "eval"):
        folder = Path(split_folder(str(tmp_path), split))
        folder.mkdir()
        write_columns(batch, str(folder), span=7, part="00000-00000")
    found = column_statistics(str(tmp_path))
    assert {split: message.datasets[0].num_examples for split, message in found.splits.items()} == {
        "eval": 3,
        "train": 3,
    }
    assert by_name(found.spans[7])["price"].num_stats.mean == 2.0
    assert found.spans[7].datasets[0].num_examples == 6
