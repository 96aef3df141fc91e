"""Settings that name places: here, in S3 or in GCS."""

from __future__ import annotations

import pytest

from adclick.errors import SettingsError
from configs.loading import load_settings


def test_the_output_root_is_local_and_says_which_settings_are_meant() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, ["output_root=s3://b/out"])
    assert str(raised.value) == (
        "--set output_root=s3://b/out: output_root is 's3://b/out', but metadata.db, logs and reports need a local "
        "folder: name one, and set pipeline_root and push.root to keep artifacts and models in a store"
    )


@pytest.mark.parametrize("key", ["pipeline_root", "push.root"])
@pytest.mark.parametrize("place", ["s3://", "gs:///x", "hdfs://a/b", "https://a/b", "s3://b/x?versionId=1", "gs://b/#"])
def test_a_place_to_write_is_a_path_or_a_folder_of_a_known_store(key: str, place: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, [f"{key}='{place}'"])
    assert f"{key} is '{place}': write it as s3://bucket/folder or gs://bucket/folder, or a path" in str(raised.value)


@pytest.mark.parametrize("place", ["s3://b", "gs://b/a/b-c_d.e/", "out", "/a/b c"])
def test_a_usable_place_is_taken(place: str) -> None:
    settings = load_settings(None, [f"pipeline_root={place}", f"push.root={place}"])
    assert settings.pipeline_root == settings.push.root == place


@pytest.mark.parametrize(
    ("root", "truth", "found"),
    [
        ("/d/data", "../truth", "/d/data/../truth"),
        ("s3://b/x/data/", "../truth", "s3://b/x/truth"),  # keys know no `..`
        ("gs://b/data", "truth", "gs://b/data/truth"),
        ("s3://b", "../truth", None),  # would be another bucket
        ("s3://b/data", "../../b2/truth", None),
        ("/d/data", "gs://b/truth", "gs://b/truth"),
        ("/d/data", "null", None),
    ],
)
def test_the_truth_lies_beside_the_data_or_at_a_uri(root: str, truth: str, found: str | None) -> None:
    settings = load_settings(None, [f"data.root={root}", f"evaluation.truth={truth}"])
    assert settings.truth_uri == found


@pytest.mark.parametrize(
    "baseline", ["served_folder", "http://127.0.0.1:8501", "https://models.example.com/tfs", "grpc://models:8500"]
)
def test_the_baseline_is_the_folder_or_a_server(baseline: str) -> None:
    assert load_settings(None, [f"evaluation.baseline={baseline}"]).evaluation.baseline == baseline


@pytest.mark.parametrize("baseline", ["folder", "127.0.0.1:8501", "s3://b/models", "http://", "http://u:secret@host:1"])
def test_another_baseline_is_refused(baseline: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, [f"evaluation.baseline='{baseline}'"])
    assert "give served_folder, or the URL of a model server such as http://127.0.0.1:8501" in str(raised.value)
    assert "evaluation.baseline is" in str(raised.value)
