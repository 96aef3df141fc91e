"""A creative store that one container left is found again by another, which has nothing but the buckets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from store_servers import Store

from adclick.folder_copies import upload_folder
from components.creative_gen.previous_store import find_previous, known_sources, point_to
from components.creative_gen.store import write_store
from pipeline.kubeflow.launcher_paths import ROOT_VARIABLE, local_path


def leave_store(uri: str, pointer: str) -> None:
    """What CreativeGen does in its container, and the launcher after it."""
    copy = local_path(uri)
    written = write_store(copy, [], 16)
    point_to(pointer, copy, written.sources, "images", "made")
    upload_folder(Path(copy), uri.replace("minio://", "s3://"))
    shutil.rmtree(copy)


def test_the_pointer_names_the_store_and_not_the_copy(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    pointer = store.uri("pipeline/creative_stores/latest.json")
    leave_store(store.uri("v2/adclick/run-1/CreativeGen/creative_store"), pointer)
    assert find_previous(pointer, "made") is not None
    assert find_previous(pointer, "otherwise") is None


def test_one_in_minio_is_found_by_s3_where_that_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    pointer = str(tmp_path / "volume" / "latest.json")
    leave_store(f"minio://{store.bucket}/v2/store" if store.scheme == "s3" else store.uri("v2/store"), pointer)
    assert find_previous(pointer, "made") is not None
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    leave = tmp_path / "minio" / "elsewhere"
    written = write_store(str(leave), [], 16)
    point_to(pointer, str(leave), written.sources, "images", "made")
    shutil.rmtree(leave)
    assert find_previous(pointer, "made") is None  # nobody can be asked: images are read again
    assert known_sources(pointer, "images") == {}
