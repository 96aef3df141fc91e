"""URIs to the launcher's copies and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kubeflow.launcher_paths import ROOT_VARIABLE, local_path, readable_uri, run_id_of, uri_of

PLACES = [
    ("minio://mlpipeline/v2/a/model", "minio/mlpipeline/v2/a/model"),
    ("s3://bucket/key", "s3/bucket/key"),
    ("gs://bucket/key", "gcs/bucket/key"),
]


@pytest.mark.parametrize(("uri", "path"), PLACES)
def test_there_and_back(uri: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert local_path(uri) == f"/{path}"  # LocalPathForURI of the launcher
    assert uri_of(f"/{path}") == uri
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert local_path(uri) == f"{tmp_path}/{path}"
    assert uri_of(f"{tmp_path}/{path}") == uri


@pytest.mark.parametrize("place", ["/data/rows.csv", "relative", "hdfs://a/b", "a value", "/s3/", ""])
def test_what_is_no_copy_stays_as_it_is(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert local_path(place) == place
    assert uri_of(place) == place


def test_the_run_stands_before_the_component() -> None:
    kubeflow = "minio://mlpipeline/v2/artifacts/adclick/4f1e/AtomicPusher/5a2b/pushed_model"
    vertex = "gs://bucket/root/123456/adclick-20260101/AtomicPusher_-77/pushed_model"
    assert run_id_of(kubeflow, "AtomicPusher") == "4f1e"
    assert run_id_of(vertex, "AtomicPusher") == "adclick-20260101"
    assert run_id_of("gs://bucket/elsewhere", "AtomicPusher") == ""


def test_a_later_container_reads_minio_by_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ROOT_VARIABLE, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    assert readable_uri("/s3/bucket/key") == "/s3/bucket/key"  # not in a container: a folder of that name
    monkeypatch.setenv(ROOT_VARIABLE, "/")
    assert readable_uri("/s3/bucket/key") == "s3://bucket/key"
    assert readable_uri("/minio/bucket/key") == "minio://bucket/key"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://minio:9000")
    assert readable_uri("/minio/bucket/key") == "s3://bucket/key"
