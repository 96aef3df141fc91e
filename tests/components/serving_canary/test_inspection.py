"""Candidates served by the real model server: a good one, one with faults, one that is broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tensorflow as tf
from canary_model import TABLE, export, probability, row
from tensorflow_serving.apis import prediction_log_pb2

from components.pusher.versions import WARMUP_FILE
from components.serving_canary import candidate_server, tied_process
from components.serving_canary.cases import NewCreative
from components.serving_canary.inspection import Material, inspect
from configs.settings import Canary

BIDS = [0.5, -2.0, None, 1.25]
ROWS = [
    row("news", "known.png", **({} if bid is None else {"bid": bid}), at=1_700_000_000 + number, clicked=number % 2)
    for number, bid in enumerate(BIDS)
]
EVALUATED = np.array([probability("news", bid) for bid in BIDS])
IMAGE = b"\x89PNG\xff" * 40
MATERIAL = Material(ROWS, EVALUATED, frozenset({"known.png"}), NewCreative(IMAGE))
SMALL = Canary(max_batch_rows=100)


def judged(model: Path, settings: Canary, material: Material = MATERIAL) -> dict[str, Any]:
    scratch = model.parent / "scratch"
    scratch.mkdir()
    return inspect(model, "ads", material, TABLE, settings, model.parent / "warm" / "requests", scratch)


def by_name(verdict: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in verdict["checks"]}


def _servers() -> set[psutil.Process]:
    """Model servers among this process' children."""
    children = psutil.Process().children(recursive=True)
    return {child for child in children if "serving.model_server" in child.cmdline()}


def test_a_good_candidate_passes_and_leaves_warmup_requests(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = candidate_server.socket.create_server(("127.0.0.1", 0))
    free, given = candidate_server.free_ports, [[busy.getsockname()[1]]]
    # The first pair of ports holds one that another program took meanwhile.
    monkeypatch.setattr(
        candidate_server, "free_ports", lambda count: [*given.pop(), *free(count - 1)] if given else free(count)
    )
    servers_before = _servers()  # other tests' of this session
    with busy:
        verdict = judged(export(tmp_path / "model"), SMALL)
    assert (verdict["state"], given) == ("passed", [])
    checks = by_name(verdict)
    assert list(checks) == [
        "evaluated rows", "single row", "known creatives", "new creative", "features missing", "largest batch",
        "latency over gRPC", "latency over REST",
    ]  # fmt: skip
    # missing: town, bid, at, creative alone (site is required), all four, an unknown creative
    assert [checks[name]["rows"] for name in list(checks)[:6]] == [4, 1, 4, 1, 6, 100]
    assert all(check["held"] and check["value"] is not None for check in checks.values())
    assert max(checks[name]["value"] for name in list(checks)[:6]) < 2e-7
    assert 0 < checks["latency over gRPC"]["value"] < 250
    assert "model 'ads' version 1 ready" in capfd.readouterr().out  # the server's log is in the component's
    assert not _servers() - servers_before
    assert (tmp_path / "scratch" / "candidate" / "1" / WARMUP_FILE).is_file()

    records = tf.data.TFRecordDataset(str(tmp_path / "warm" / "requests")).as_numpy_iterator()
    requests = [prediction_log_pb2.PredictionLog.FromString(one).predict_log.request for one in records]
    assert [(one.model_spec.signature_name, one.model_spec.name) for one in requests] == [
        ("predict", "ads"), ("serving_default", "ads")
    ] * 3  # fmt: skip
    rows = [tf.make_ndarray(next(iter(one.inputs.values()))).size for one in requests]
    assert rows == [1, 1, 64, 64, 1, 1]
    assert tf.make_ndarray(requests[4].inputs["creative_bytes"]).tolist() == [IMAGE]
    for request in requests:
        assert b"hash-of" not in request.SerializeToString()  # fields marked pii
    assert tf.make_ndarray(requests[0].inputs["town_hashed"]).tolist() == [b""]
    assert tf.make_ndarray(requests[2].inputs["site"]).tolist() == [b"news"] * 64


def test_faults_are_refused_with_their_figures(tmp_path: Path) -> None:
    """Probabilities are doubled: that of bid 1.25 is 2 * 0.839, beyond 1; serving_default lies 0.001 above predict."""
    model = export(tmp_path / "model", scale=2.0, default_shift=0.001)
    verdict = judged(model, SMALL.model_copy(update={"max_p99_ms": 1e-6}))
    assert verdict["state"] == "refused"
    checks = by_name(verdict)
    assert not any(check["held"] for check in checks.values())
    assert checks["evaluated rows"]["detail"].startswith("offline: ")
    first = 2 * probability("news", 0.5)
    assert f"1 of 1 answers are no probability, row 1 is {first:.4f}"[:-2] in checks["single row"]["detail"]
    for way in ("gRPC predict", "gRPC serving_default", "REST predict", "REST serving_default"):
        assert f"{way}: " in checks["single row"]["detail"]
    assert checks["latency over REST"]["value"] > checks["latency over REST"]["bound"] == 1e-6


def test_a_broken_candidate_is_refused_without_waiting_for_the_deadline(tmp_path: Path) -> None:
    model = export(tmp_path / "model")
    index = model / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])
    started = time.monotonic()
    verdict = judged(model, SMALL.model_copy(update={"start_timeout_s": 500.0}))
    assert time.monotonic() - started < 60
    assert (verdict["state"], verdict["checks"]) == ("refused", [])
    assert verdict["reason"].startswith("TensorFlow cannot load or run the model: ")


def test_another_model_than_ours_is_refused_before_it_is_served(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"\xff no protobuf")
    assert judged(tmp_path / "model", SMALL)["reason"].startswith("saved_model.pb cannot be read")
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "scratch").rmdir()
    assert judged(tmp_path / "model", SMALL)["reason"] == (
        "the model has no signature 'predict' that gives click_probability"
    )


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', {tied_process.__name__!r}, str(os.getpid()),"
        " '-c', 'import time; print(1, flush=True); time.sleep(60)'], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
