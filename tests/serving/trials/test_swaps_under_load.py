"""Versions come and go under load: no request fails, and every answer is that of the version it names."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from server_process import ServerProcess
from wire import HttpConnection, Impression, model_of, put_version

pytestmark = pytest.mark.e2e

_log = logging.getLogger(__name__)

REQUESTS = 100_000
SWAPS = 50
ROLLBACKS = 10
BROKEN_PUSHES = 20
REST_WORKERS = GRPC_WORKERS = 6
PREDICT = "/v1/models/click:predict"
IMPRESSIONS = [Impression(bid / 10, "s" * length) for bid in range(-5, 6) for length in range(7)]


@dataclass
class Load:
    """What the workers met."""

    stop: bool = False
    replies: list[tuple[float, float]] = field(default_factory=list)  # (when sent, latency), seconds
    failures: list[str] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)

    def check(self, impression: Impression, version: int, answer: float, sent_s: float) -> None:
        self.replies.append((sent_s, time.perf_counter() - sent_s))
        self.versions.add(version)
        if abs(answer - impression.expected(version)) > 1e-6:
            self.failures.append(f"version {version} (model {model_of(version)}) said {answer} of {impression}")


@pytest.fixture
def served(exported: Path, tmp_path: Path) -> Iterator[tuple[ServerProcess, Path]]:
    """A server on version 1, batching."""
    base_path = tmp_path / "click"
    base_path.mkdir()
    put_version(exported, base_path, 1)
    process = ServerProcess(base_path, "--enable_batching")
    try:
        process.wait_for_line("ready")
        yield process, base_path
    finally:
        assert process.stop() == 0


async def rest_worker(port: int, load: Load, impressions: Iterator[Impression]) -> None:
    connection = HttpConnection(port)
    while not load.stop:
        impression = next(impressions)
        sent_s = time.perf_counter()
        try:
            reply = await connection.exchange("POST", PREDICT, impression.rest_body())
        except (OSError, asyncio.IncompleteReadError) as error:
            load.failures.append(f"REST: {error!r}")
            continue
        if reply.status != 200:
            load.failures.append(f"REST: {reply.status} {reply.body!r}")
            continue
        load.check(
            impression, int(reply.headers["adclick-model-version"]), json.loads(reply.body)["outputs"][0], sent_s
        )
    connection.close()


async def grpc_worker(port: int, load: Load, impressions: Iterator[Impression]) -> None:
    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        while not load.stop:
            impression = next(impressions)
            sent_s = time.perf_counter()
            try:
                reply = await stub.Predict(impression.grpc_request(), timeout=30)
            except grpc.aio.AioRpcError as error:
                load.failures.append(f"gRPC: {error.code()} {error.details()}")
                continue
            answer = reply.outputs["click_probability"].float_val[0]
            load.check(impression, reply.model_spec.version.value, answer, sent_s)


def run_under_load(process: ServerProcess, work: Callable[[Load], None]) -> Load:
    """`work` in a thread while the workers ask."""

    async def main() -> Load:
        load = Load()
        impressions = itertools.cycle(IMPRESSIONS)
        workers = [rest_worker(process.rest_port, load, impressions) for _ in range(REST_WORKERS)]
        workers += [grpc_worker(process.grpc_port, load, impressions) for _ in range(GRPC_WORKERS)]
        asking = asyncio.gather(*workers)
        try:
            await asyncio.to_thread(work, load)
        finally:
            load.stop = True
            await asking
        return load

    return asyncio.run(main())


def p99_s(latencies_s: list[float]) -> float:
    return sorted(latencies_s)[int(0.99 * len(latencies_s))]


@pytest.mark.alone
def test_swaps_and_rollbacks(served: tuple[ServerProcess, Path], exported: Path) -> None:
    process, base_path = served
    windows: list[tuple[float, float]] = []

    def change(how: Callable[[], None], in_service: int) -> None:
        start_s = time.perf_counter()
        how()
        process.wait_for_line(f"version {in_service} in service")
        process.wait_for_line("unloaded")
        windows.append((start_s, time.perf_counter()))

    def work(load: Load) -> None:
        version = 1
        rest = iter(range(SWAPS + ROLLBACKS))
        for step in rest:
            wanted = REQUESTS * step // (SWAPS + ROLLBACKS)
            while len(load.replies) < wanted:  # spread over the load, with quiet stretches between
                time.sleep(0.02)
            if step % 6 == 5:
                gone = version
                version -= 1
                change(lambda gone=gone: shutil.move(base_path / str(gone), base_path / f"withdrawn-{gone}"), version)
                shutil.rmtree(base_path / f"withdrawn-{gone}")
            else:
                version += 1
                change(lambda number=version: put_version(exported, base_path, number), version)
        while len(load.replies) < REQUESTS:
            time.sleep(0.02)

    load = run_under_load(process, work)
    during, steady = [], []
    for sent_s, latency_s in load.replies:
        touched = any(sent_s < end_s and sent_s + latency_s > start_s for start_s, end_s in windows)
        (during if touched else steady).append(latency_s)
    figures = {
        "requests": len(load.replies), "failed": len(load.failures), "versions": len(load.versions),
        "changes": len(windows), "p99_ms_steady": 1000 * p99_s(steady), "p99_ms_during": 1000 * p99_s(during),
        "share_during": len(during) / len(load.replies),
    }  # fmt: skip
    _log.info("%s", json.dumps(figures))  # seen with: -o log_cli=true -o log_cli_level=INFO
    assert load.failures == []
    assert len(load.replies) >= REQUESTS
    assert len(windows) == SWAPS + ROLLBACKS
    assert len(load.versions) == 42  # from 1, 50 up and 9 down; the last one down leads back to 41
    assert p99_s(during) <= 3 * p99_s(steady), figures


def test_broken_pushes(served: tuple[ServerProcess, Path], exported: Path) -> None:
    process, base_path = served

    def truncated(folder: Path) -> None:
        whole = (exported / "2" / "saved_model.pb").read_bytes()
        shutil.copytree(exported / "2", folder)
        (folder / "saved_model.pb").write_bytes(whole[: len(whole) // 2])

    def without_variables(folder: Path) -> None:
        folder.mkdir()
        shutil.copy(exported / "2" / "saved_model.pb", folder)

    def garbage(folder: Path) -> None:
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(b"\xff" * 1000)
        shutil.copytree(exported / "2" / "variables", folder / "variables")

    def broken_weights(folder: Path) -> None:
        shutil.copytree(exported / "2", folder)
        data = next((folder / "variables").glob("variables.data-*"))
        data.write_bytes(data.read_bytes()[:-100])

    breakages = itertools.cycle([truncated, without_variables, garbage, broken_weights])

    def work(load: Load) -> None:
        for number in range(2, 2 + BROKEN_PUSHES):
            before = len(load.replies)
            next(breakages)(base_path / str(number))
            time.sleep(0.5)  # two looks at the folder
            while len(load.replies) < before + 200:
                time.sleep(0.02)
            shutil.rmtree(base_path / str(number))

    load = run_under_load(process, work)
    assert load.failures == []
    assert load.versions == {1}


@pytest.mark.alone
def test_a_push_that_copies_in_place(served: tuple[ServerProcess, Path], exported: Path) -> None:
    """As TFX's own Pusher does, `saved_model.pb` well before `variables/`."""
    process, base_path = served

    def work(load: Load) -> None:
        folder = base_path / "2"
        folder.mkdir()
        shutil.copy(exported / str(model_of(2)) / "saved_model.pb", folder)
        shutil.copy(exported / str(model_of(2)) / "fingerprint.pb", folder)
        time.sleep(1.0)
        assert load.versions == {1}
        (folder / "variables").mkdir()
        for file in sorted((exported / str(model_of(2)) / "variables").iterdir()):
            shutil.copy(file, folder / "variables")
            time.sleep(0.3)
        whole_s = time.monotonic()
        process.wait_for_line("version 2 in service", timeout_s=10)
        assert time.monotonic() - whole_s < 5
        while 2 not in load.versions and time.monotonic() - whole_s < 10:  # the next reply may be under way still
            time.sleep(0.01)

    load = run_under_load(process, work)
    assert load.failures == []
    assert load.versions == {1, 2}
