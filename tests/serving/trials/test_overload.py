"""Four times more than the server can do, for a minute: answers or refusals, then business as usual."""

from __future__ import annotations

import asyncio
import collections
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from server_process import ServerProcess
from wire import HttpConnection

pytestmark = pytest.mark.e2e

_log = logging.getLogger(__name__)

OVERLOAD_S = 60.0
RECOVERY_S = 5.0
MAX_REFUSAL_S = 5.0  # a fifth of a second on two free processors; others may want them too
MAX_GROWTH_BYTES = 100_000_000
ROUNDS = 1500  # matrix products in one request: so many that few requests, as one client can send, are an overload
PREDICT = "/v1/models/click:predict"
BODY = json.dumps({"signature_name": "slow", "inputs": [ROUNDS]}).encode()
ANSWERS = {"200", "OK"}
REFUSALS = {"429", "503", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}


@dataclass
class Outcomes:
    """Replies by status, and the latencies of answers and refusals."""

    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    answered_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)

    def count(self, status: str, sent_s: float) -> None:
        self.statuses[status] += 1
        (self.answered_s if status in ANSWERS else self.refused_s).append(time.perf_counter() - sent_s)


class Asker:
    """Asks over REST and gRPC in turns; connections are kept and used again."""

    def __init__(self, process: ServerProcess, stub: Any, request: Any) -> None:
        self._port, self._stub, self._request = process.rest_port, stub, request
        self._idle: list[HttpConnection] = []

    async def ask(self, over_rest: bool, outcomes: Outcomes) -> None:
        sent_s = time.perf_counter()
        outcomes.count(await (self._rest() if over_rest else self._grpc()), sent_s)

    async def _rest(self) -> str:
        connection = self._idle.pop() if self._idle else HttpConnection(self._port)
        try:
            reply = await asyncio.wait_for(connection.exchange("POST", PREDICT, BODY), 30)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            return f"REST: {error!r}"
        self._idle.append(connection)
        if reply.status == 503:
            assert json.loads(reply.body)["error"]
        return str(reply.status)

    async def _grpc(self) -> str:
        import grpc

        try:
            await self._stub.Predict(self._request, timeout=30)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


@pytest.fixture
def process(exported: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    base_path = tmp_path / "click"
    base_path.mkdir()
    (base_path / "1").symlink_to(exported / "1")
    process = ServerProcess(base_path)
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        assert process.stop() == 0


async def closed_loop(asker: Asker, workers: int, duration_s: float) -> Outcomes:
    """So many at once, each after the other."""
    outcomes, end_s = Outcomes(), time.perf_counter() + duration_s

    async def work(number: int) -> None:
        while time.perf_counter() < end_s:
            await asker.ask(number % 2 == 0, outcomes)

    await asyncio.gather(*(work(number) for number in range(workers)))
    return outcomes


async def open_loop(asker: Asker, per_s: float, duration_s: float) -> Outcomes:
    """So many each second, whatever comes back."""
    outcomes, start_s, sent = Outcomes(), time.perf_counter(), 0
    waiting: set[asyncio.Task[None]] = set()
    while (passed_s := time.perf_counter() - start_s) < duration_s:
        for _ in range(int(passed_s * per_s) - sent):
            task = asyncio.create_task(asker.ask(sent % 2 == 0, outcomes))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            sent += 1
        await asyncio.sleep(0.005)
    if waiting:
        await asyncio.wait(waiting)
    assert sum(outcomes.statuses.values()) == sent
    return outcomes


@pytest.mark.alone
def test_four_times_capacity(process: ServerProcess) -> None:
    import grpc
    from tensorflow.core.framework import types_pb2
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "click", "slow"
    rounds = request.inputs["rounds"]
    rounds.dtype = types_pb2.DT_INT64
    rounds.tensor_shape.dim.add(size=1)
    rounds.int64_val.append(ROUNDS)
    memory = psutil.Process(process.process.pid)

    async def main() -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.grpc_port}") as channel:
            asker = Asker(process, prediction_service_pb2_grpc.PredictionServiceStub(channel), request)
            usual = await closed_loop(asker, 8, 4.0)
            assert usual.statuses.keys() <= ANSWERS
            capacity_per_s = len(usual.answered_s) / 4.0
            before_bytes = memory.memory_info().rss
            over = await open_loop(asker, 4 * capacity_per_s, OVERLOAD_S)
            ended_s = time.perf_counter()
            after = await closed_loop(asker, 8, 1.0)
            first_s = time.perf_counter() - ended_s
            grown_bytes = memory.memory_info().rss - before_bytes
            asker.close()
        _log.info(
            "capacity %.0f/s, offered %.0f/s: %s; answers p99 %.2f s, refusals p99 %.3f s; afterwards p99 %.3f s "
            "(before %.3f s); grown by %.1f MB",
            capacity_per_s, 4 * capacity_per_s, dict(over.statuses), p99_s(over.answered_s), p99_s(over.refused_s),
            p99_s(after.answered_s), p99_s(usual.answered_s), grown_bytes / 1e6,
        )  # fmt: skip
        assert over.statuses.keys() <= ANSWERS | REFUSALS
        assert over.statuses.keys() & REFUSALS
        assert len(over.answered_s) >= 0.4 * capacity_per_s * OVERLOAD_S  # refusing must not eat what answering needs
        assert p99_s(over.refused_s) < min(MAX_REFUSAL_S, 0.5 * p99_s(over.answered_s))  # at once, not after a queue
        assert after.statuses.keys() <= ANSWERS
        assert first_s < RECOVERY_S
        assert p99_s(after.answered_s) < 3 * p99_s(usual.answered_s)
        assert grown_bytes <= MAX_GROWTH_BYTES

    asyncio.run(main())


def p99_s(latencies_s: list[float]) -> float:
    return sorted(latencies_s)[int(0.99 * len(latencies_s))]
