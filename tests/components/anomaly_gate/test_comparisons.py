"""Which statistics are compared, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from gate_data import TABLE, rows, statistics, write_span
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.anomaly_gate.comparisons import CHECKED, EMPTY, OFF, UNCHECKED, drift, skew
from components.anomaly_gate.measured import KS, LABEL_RATE, LINF, MISSING
from components.anomaly_gate.statistics_files import spans_below
from configs.anomalies import AnomalyLimits, Comparison, Drift

SHIFTED = {"phone": 0.3, "tv": 0.7}
NO_COMPARISON = {"linf": None, "ks": None, "missing": None}


def test_the_newest_span_is_compared_with_the_one_before(tmp_path: Path) -> None:
    write_span(tmp_path, 9, statistics(rows(500)))
    write_span(tmp_path, 10, statistics(rows(1_000, SHIFTED)))
    earlier = (8, write_span(tmp_path / "other", 8, statistics(rows(1_000, SHIFTED))))
    found = drift(spans_below(str(tmp_path)), earlier, "", TABLE, AnomalyLimits())
    assert (found.state, found.new, found.reference) == (CHECKED, "span 10 (1,000 rows)", "span 9 (500 rows)")
    assert found.reference_uri == str(tmp_path / "span-9" / "FeatureStats.pb")
    broken = [one for one in found.measured if not one.held]
    assert [(one.feature, one.measure, one.value) for one in broken] == [("device", LINF, pytest.approx(0.4))]
    measures = [(one.feature, one.measure) for one in found.measured]
    assert measures == [
        ("id", MISSING),
        *[("device", LINF), ("device", MISSING)],
        *[("price", KS), ("price", MISSING)],
        ("title", MISSING),
        *[("clicked", LABEL_RATE), ("clicked", MISSING)],
    ]
    as_json = found.as_json()
    assert [one["held"] for one in as_json["measured"]] == [one.held for one in found.measured]


def test_a_run_of_one_span_is_compared_with_an_earlier_runs(tmp_path: Path) -> None:
    write_span(tmp_path, 3, statistics(rows()))
    earlier = (1, write_span(tmp_path / "other", 1, statistics(rows())))
    found = drift(spans_below(str(tmp_path)), earlier, "", TABLE, AnomalyLimits())
    assert (found.state, found.reference, found.reference_uri) == (CHECKED, "span 1 (1,000 rows)", earlier[1])
    assert all(one.held for one in found.measured)


def test_without_an_earlier_span_drift_is_unchecked(tmp_path: Path) -> None:
    spans = {3: write_span(tmp_path, 3, statistics(rows()))}
    found = drift(spans, None, "", TABLE, AnomalyLimits())
    assert (found.state, found.reason, found.measured) == (UNCHECKED, "no earlier span than span 3", ())
    gone = drift(spans, None, "statistics that 2 earlier runs left are no longer on disk", TABLE, AnomalyLimits())
    assert gone.reason == "no earlier span than span 3; statistics that 2 earlier runs left are no longer on disk"
    none = drift({}, None, "", TABLE, AnomalyLimits())
    assert (none.state, none.reason) == (UNCHECKED, "the run has no statistics by span")


NO_ROWS = statistics_pb2.DatasetFeatureStatisticsList()
NO_ROWS.datasets.add()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty: it holds no statistics over all rows (0 datasets)"),
        (NO_ROWS.SerializeToString(), "is empty: its statistics are over 0 rows"),
        (b"\xff\xff", "holds no DatasetFeatureStatisticsList: Error parsing message"),
        (None, "cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("which", ["new", "reference"])
def test_empty_statistics_of_a_span_are_no_pass(tmp_path: Path, content: bytes | None, why: str, which: str) -> None:
    files = {span: Path(write_span(tmp_path, span, statistics(rows()))) for span in (1, 2)}
    empty = files[2 if which == "new" else 1]
    empty.unlink() if content is None else empty.write_bytes(content)
    found = drift({span: str(file) for span, file in files.items()}, None, "", TABLE, AnomalyLimits())
    assert found.state == EMPTY
    assert found.reason.startswith(f"the statistics of span {2 if which == 'new' else 1} ({empty}): {why}")


def test_what_settings_turn_off_is_said_to_be_off(tmp_path: Path) -> None:
    spans = {span: write_span(tmp_path, span, statistics(rows())) for span in (1, 2)}
    nothing = AnomalyLimits(drift=Drift(**NO_COMPARISON, label_rate=None))
    assert drift(spans, None, "", TABLE, nothing).state == OFF
    one = AnomalyLimits(drift=Drift(**NO_COMPARISON, label_rate=None, by_feature={"device": 0.1}))
    assert [each.feature for each in drift(spans, None, "", TABLE, one).measured] == ["device"]
    every = {feature.name: "off" for feature in TABLE.written}
    assert drift(spans, None, "", TABLE, AnomalyLimits(drift=Drift(by_feature=every))).state == OFF


def served(folder: Path, name: str, found: statistics_pb2.DatasetFeatureStatisticsList) -> AnomalyLimits:
    file = folder / name
    if name.endswith(".pbtxt"):
        file.write_text(text_format.MessageToString(found))
    elif name.endswith(".tfrecord"):
        with tf.io.TFRecordWriter(str(file)) as writer:
            writer.write(found.SerializeToString())
    else:
        file.write_bytes(found.SerializeToString())
    return AnomalyLimits(serving_statistics=str(file))


@pytest.mark.parametrize("name", ["served.pb", "served.pbtxt", "served.tfrecord"])
def test_training_is_compared_with_served_requests(tmp_path: Path, name: str) -> None:
    """No label, no key and no weight is in a request."""
    requests = rows(400, SHIFTED)
    del requests["clicked"], requests["id"]
    limits = served(tmp_path, name, statistics(requests))
    found = skew(write_span(tmp_path, 1, statistics(rows())), TABLE, limits)
    assert (found.state, found.new, found.reference) == (CHECKED, "training (1,000 rows)", "serving (400 rows)")
    assert [(one.feature, one.measure, one.held) for one in found.measured] == [
        ("device", LINF, False),
        ("device", MISSING, True),
        ("price", KS, True),
        ("price", MISSING, True),
        ("title", MISSING, True),
    ]


def test_statistics_of_a_data_frame_will_do(tmp_path: Path) -> None:
    """As docs/data.md makes them."""
    columns = rows(400, SHIFTED)
    requests = pd.DataFrame({name: columns[name] for name in ("device", "price", "title")})
    requests.loc[:99, "price"] = None
    limits = served(tmp_path, "served.pb", tfdv.generate_statistics_from_dataframe(requests))
    found = skew(write_span(tmp_path, 1, statistics(rows())), TABLE, limits)
    assert [(one.feature, one.measure, one.value) for one in found.measured if not one.held] == [
        ("device", LINF, pytest.approx(0.4)),
        ("price", MISSING, pytest.approx(0.25)),
    ]


def test_of_slices_the_one_with_all_rows_is_compared(tmp_path: Path) -> None:
    sliced = statistics_pb2.DatasetFeatureStatisticsList()
    for name, shares in (("All Examples", None), ("country_DE", SHIFTED)):
        sliced.datasets.add().CopyFrom(statistics(rows(devices=shares)).datasets[0])
        sliced.datasets[-1].name = name
    training = write_span(tmp_path, 1, statistics(rows()))
    found = skew(training, TABLE, served(tmp_path, "served.pb", sliced))
    assert all(one.held for one in found.measured)
    sliced.datasets[0].name = "country_FR"
    found = skew(training, TABLE, served(tmp_path, "served.pb", sliced))
    assert (found.state, found.reason) == (
        EMPTY,
        f"the statistics of serving ({tmp_path}/served.pb): is empty: it holds no statistics over all rows "
        "(2 datasets)",
    )


def test_a_request_that_lacks_a_column_does_not_hold(tmp_path: Path) -> None:
    requests = rows()
    del requests["price"]
    found = skew(
        write_span(tmp_path, 1, statistics(rows())), TABLE, served(tmp_path, "served.pb", statistics(requests))
    )
    assert [str(one) for one in found.measured if not one.held] == [
        "comparison: the statistics of serving lack the feature, so there is nothing to compare"
    ]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("served.pb", None, "cannot be read: No such file or directory"),
        ("served.tfrecord", None, "cannot be read: No such file or directory"),
        ("served.pb", b"", "is empty"),
        ("served.pbtxt", b"", "is empty"),
        ("served.tfrecord", b"", "is empty: it holds no record"),
        ("served.pbtxt", b"datasets: 7", "holds no DatasetFeatureStatisticsList"),
        ("served.tfrecord", b"not a record at all", "is no TFRecord file of one DatasetFeatureStatisticsList"),
        ("served.pb", NO_ROWS.SerializeToString(), "is empty: its statistics are over 0 rows"),
    ],
)
def test_served_statistics_that_say_nothing_are_no_pass(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    training = write_span(tmp_path, 1, statistics(rows()))
    found = skew(training, TABLE, AnomalyLimits(serving_statistics=str(file)))
    assert found.state == EMPTY
    assert found.reason.startswith(f"the statistics of serving ({file}): {why}")


def test_skew_is_off_unless_a_file_is_named(tmp_path: Path) -> None:
    training = write_span(tmp_path, 1, statistics(rows()))
    assert skew(training, TABLE, AnomalyLimits()).reason == "anomalies.serving_statistics names no file"
    none = AnomalyLimits(serving_statistics="/served.pb", skew=Comparison(**NO_COMPARISON))
    assert skew(training, TABLE, none).reason == "anomalies.skew asks for no comparison"
