"""The whole pipeline with data, images, artifacts and models in a store: first run, again, changed data."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from local_run import IMPRESSIONS, SMALL, Run, run_local
from store_servers import Store

from adclick.filesystem import list_names, read_bytes, write_bytes
from adclick.folder_copies import download_folder, upload_folder

pytestmark = pytest.mark.e2e


def artifact_uris(output: Path) -> list[str]:
    """Of every artifact that ML Metadata knows."""
    with sqlite3.connect(output / "metadata.db") as database:
        return [uri for (uri,) in database.execute("SELECT uri FROM Artifact")]


def test_a_run_lives_in_the_store(store: Store, sample: Path, tmp_path: Path) -> None:
    upload_folder(sample / "data" / "month-1", store.uri("data/month-1"))
    upload_folder(sample / "data" / "images", store.uri("creatives/images"))
    upload_folder(sample / "truth", store.uri("truth"))
    output = tmp_path / "out"
    places = (
        f"creatives.root={store.uri('creatives')}",
        f"pipeline_root={store.uri('runs/artifacts')}",
        f"push.root={store.uri('serving')}",
    )

    def run(*more: str) -> Run:
        return run_local(store.uri("data"), output, settings=(*SMALL, *places, *more), environment=store.environment)

    first = run()
    assert (first.status, first.errors) == (0, ""), first.text
    summary, components = first.summary, first.states("done")
    assert summary["rows"]["read"] == IMPRESSIONS
    assert summary["creatives"]["stored"] == summary["creatives"]["distinct"] > 0
    assert 0.5 < summary["metrics"]["auc"] < summary["bayes_auc"] < 1.0  # the truth was read from the store too
    assert f"next       docs/serving.md says how a server gets at {store.uri('serving/adclick')}" in first.text
    version = summary["pushed_version"]
    assert list_names(store.uri("serving/adclick")) == [str(version), "history"]
    assert not (output / "serving").exists()
    assert not (output / "pipeline_root").exists()
    uris = artifact_uris(output)
    assert uris
    assert all(uri.startswith(store.uri("runs/artifacts/")) for uri in uris)
    assert all(list_names(uri) for uri in uris)
    assert json.loads(read_bytes(store.uri("runs/artifacts/creative_stores/latest.json")))["store"] in uris

    download_folder(store.uri(f"serving/adclick/{version}"), tmp_path / "model")
    import tensorflow as tf

    assert "serving_default" in tf.saved_model.load(str(tmp_path / "model")).signatures

    again = run()
    assert again.status == 0, again.errors
    assert again.states("cached") == components
    assert list_names(store.uri("serving/adclick")) == [str(version), "history"]

    # One byte of a CSV makes a label bad. No rejected row is borne here, so the gate ends this run before any training.
    file = store.uri("data/month-1/impressions.csv")
    lines = read_bytes(file).splitlines(keepends=True)
    lines[5] = lines[5].rstrip(b"\n")[:-1] + b"7\n"
    write_bytes(file, b"".join(lines))
    shutil.rmtree(output / "mirror")
    changed = run("data.limits.max_rejected_share=0")
    assert changed.status == 4, changed.errors
    assert changed.summary["rows"]["rejected"] == {"bad_label": 1}
    assert changed.states("cached") == {"ImportSchemaGen"}
    assert changed.states("failed") == {"AnomalyGate"}
    assert len(list((output / "mirror").rglob("schema.pbtxt"))) == 1  # of the cached ImportSchemaGen: fetched
