"""The section `anomalies`: names are known ones, and `--accept` adds to the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from adclick.errors import SettingsError
from configs.anomaly_types import ANOMALY_TYPES, DRIFT, SKEW, TFDV_TYPES
from configs.loading import load_settings


def test_the_types_are_those_of_the_proto() -> None:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    assert tuple(anomalies_pb2.AnomalyInfo.Type.keys()) == TFDV_TYPES
    assert not {DRIFT, SKEW} & set(TFDV_TYPES)
    assert set(ANOMALY_TYPES) == {DRIFT, SKEW, *TFDV_TYPES}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "severity={ENUM_TYPE_UNEXPECTED_STRING_VALUE: warning}",
            "anomalies.severity names the anomaly type 'ENUM_TYPE_UNEXPECTED_STRING_VALUE', which there is not; "
            "did you mean 'ENUM_TYPE_UNEXPECTED_STRING_VALUES'?",
        ),
        (
            "severity={device:DRFT: warning}",
            "anomalies.severity names the anomaly type 'DRFT', which there is not; did you mean 'DRIFT'?",
        ),
        (
            "severity={DRIFT: bad}",
            "got 'bad': Input should be 'error', 'warning' or 'ignore'",
        ),
        ("severity={devise:DRIFT: error}", "anomalies.severity names 'devise', which is not in the feature table"),
        ("accept=[devise]", "advertiser_category, bid_price, image_path, clicked); did you mean 'device'?"),
        ("accept=[device:SCEW]", "anomalies.accept names the anomaly type 'SCEW', which there is not; did you mean"),
        (
            "accept=[device:other]",
            "anomalies.accept names the anomaly type 'other', which there is not; the types are those of TensorFlow "
            "Data Validation, DRIFT and SKEW",
        ),
        ("accept=[':DRIFT']", "anomalies.accept: got ':DRIFT': write it as feature or feature:TYPE"),
        ("accept=device", "anomalies.accept: got 'device': it must be a list"),
        ("drift.by_feature={contry: 0.3}", "anomalies.drift.by_feature names 'contry', which is not in the feature"),
        (
            "skew.by_feature={device: some}",
            "skew.by_feature.device: got 'some': give a number from 0, or off",
        ),
        ("skew.by_feature={device: true}", "got True: give a number from 0, or off"),
        ("drift.by_feature={device: -0.1}", "got -0.1: give a number from 0, or off"),
        ("drift.by_feature={device: .nan}", "got nan: give a number from 0, or off"),
        ("drift.linf=-1", "anomalies.drift.linf: got -1: Input should be greater than or equal to 0"),
        ("skew.label_rate=0.1", "anomalies.skew.label_rate: unknown key"),
        (
            "serving_statistics=served.csv",
            "anomalies.serving_statistics: got 'served.csv': give a DatasetFeatureStatisticsList as a file whose name "
            "ends in .pb, .pbtxt, .tfrecord",
        ),
    ],
)
def test_what_the_section_refuses(setting: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, [f"anomalies.{setting}"])
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"--set anomalies.{setting}: ")


def test_off_is_read_as_yaml_reads_it() -> None:
    anomalies = load_settings(None, ["anomalies.drift.by_feature={device: off, country: 'off', position: 1}"]).anomalies
    assert anomalies.drift.by_feature == {"device": "off", "country": "off", "position": 1.0}


def test_an_ignored_column_is_nothing_to_check() -> None:
    features = "features=[{name: who, kind: key}, {name: note, kind: ignore}, {name: clicked, kind: label}]"
    other = ["data.split={by: hash, column: who}", "evaluation.slices=[]"]
    with pytest.raises(SettingsError, match=r"anomalies\.accept names 'note' of kind 'ignore', which"):
        load_settings(None, [features, *other], ["note"])


def test_accept_is_added_to_the_lists_of_file_and_override(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("anomalies: {accept: [country], require_reference: true}")
    anomalies = load_settings(file, [], ["device:DRIFT", "position"]).anomalies
    assert anomalies.accept == ("country", "device:DRIFT", "position")
    assert anomalies.require_reference
    assert load_settings(file, ["anomalies.accept=[]"], ["device"]).anomalies.accept == ("device",)
    assert load_settings(file).anomalies.accept == ("country",)


def test_a_wrong_accept_names_the_option() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, [], ["devise:DRIFT"])
    message = str(raised.value)
    assert message.startswith("--accept devise:DRIFT: anomalies.accept names 'devise', which is not in the feature")
    assert message.endswith("did you mean 'device'?")
    with pytest.raises(SettingsError, match=r"anomalies\.accept: got 'device': it must be a list"):
        load_settings(None, ["anomalies.accept=device"], ["position"])


def test_a_curated_schema_may_have_features_of_its_own(tmp_path: Path) -> None:
    curated = ["schema.source=file", f"schema.file={tmp_path}/schema.pbtxt"]
    assert load_settings(None, curated, ["gone:SCHEMA_MISSING_COLUMN"]).anomalies.accept
