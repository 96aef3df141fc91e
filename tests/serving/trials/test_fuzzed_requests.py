"""Tens of thousands of hostile requests: every one is answered with a client error or a prediction, and soon."""

from __future__ import annotations

import asyncio
import collections
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fuzzing import BOMBS, PREDICT, bomb, grpc_message, http_request
from server_process import ServerProcess
from wire import HttpConnection, Impression

pytestmark = pytest.mark.e2e

_log = logging.getLogger(__name__)

HTTP_REQUESTS = 35_000
GRPC_REQUESTS = 20_000
RAW_STREAMS = 500
WORKERS = 8
MAX_REPLY_S = 5.0
MAX_GROWTH_BYTES = 100_000_000
SERVICE = "/tensorflow.serving.PredictionService/"
STARTS = (b"", b"POST ", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
SERVER_ERRORS = {"UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE", "DEADLINE_EXCEEDED"}


@pytest.fixture(scope="module")
def process(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    base_path = tmp_path_factory.mktemp("fuzzed") / "click"
    base_path.mkdir()
    (base_path / "1").symlink_to(exported / "1")
    process = ServerProcess(base_path, "--enable_batching")
    try:
        process.wait_for_line("ready")
        yield process
    finally:
        assert process.stop() == 0


@pytest.fixture(autouse=True)
def alive_and_no_larger(process: ServerProcess) -> Iterator[None]:
    """The server predicts as before, and has not grown."""
    memory = psutil.Process(process.process.pid)
    before_bytes = memory.memory_info().rss
    yield
    body = Impression(0.3, "news").rest_body()
    status, answer, _ = process.rest("POST", PREDICT, body)
    assert status == 200
    assert answer["outputs"] == [pytest.approx(Impression(0.3, "news").expected(3), abs=1e-6)]  # model 1 + 3 % 3
    grown_bytes = memory.memory_info().rss - before_bytes
    _log.info("grown by %.1f MB", grown_bytes / 1e6)
    assert grown_bytes <= MAX_GROWTH_BYTES


def test_http(process: ServerProcess) -> None:
    random_ = random.Random(1)
    requests = iter([http_request(random_) for _ in range(HTTP_REQUESTS)])
    statuses: collections.Counter[int] = collections.Counter()
    slowest_s = 0.0

    async def work() -> None:
        nonlocal slowest_s
        connection = HttpConnection(process.rest_port)
        for request in requests:
            start_s = time.perf_counter()
            reply = await connection.exchange(*request)
            slowest_s = max(slowest_s, time.perf_counter() - start_s)
            statuses[reply.status] += 1
            assert reply.status < 500, (request, reply)
        connection.close()

    run_workers(work)
    _log.info("%s, slowest %.3f s", dict(statuses), slowest_s)
    assert statuses[200] > 0, "some mutations leave a request valid"
    assert sum(statuses.values()) == HTTP_REQUESTS
    assert slowest_s < MAX_REPLY_S


def test_grpc(process: ServerProcess) -> None:
    import grpc

    random_ = random.Random(2)
    messages = iter([grpc_message(random_) for _ in range(GRPC_REQUESTS)])
    statuses: collections.Counter[str] = collections.Counter()

    async def main() -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.grpc_port}") as channel:

            async def work() -> None:
                for method, message in messages:
                    try:
                        await channel.unary_unary(SERVICE + method)(message, timeout=MAX_REPLY_S)
                        status = "OK"
                    except grpc.aio.AioRpcError as error:
                        status = error.code().name
                        assert status not in SERVER_ERRORS, (method, message, status, error.details())
                    statuses[status] += 1

            await asyncio.gather(*(work() for _ in range(WORKERS)))

    asyncio.run(main())
    _log.info("%s", dict(statuses))
    assert sum(statuses.values()) == GRPC_REQUESTS


def test_bytes_that_are_no_http(process: ServerProcess) -> None:
    random_ = random.Random(3)

    async def main() -> None:
        for number in range(RAW_STREAMS):
            reader, writer = await asyncio.open_connection("127.0.0.1", process.rest_port)
            start = random_.choice(STARTS)
            try:
                writer.write(start + random_.randbytes(random_.randrange(1, 300)))
                if number % 2:
                    writer.write_eof()
                first = await asyncio.wait_for(reader.read(12), 0.3)
                assert not first or first.split()[1][:1] == b"4", first
            except (asyncio.TimeoutError, ConnectionError):
                pass  # it waits for the rest, or hung up on us
            finally:
                writer.close()

    asyncio.run(main())


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(process: ServerProcess, name: str) -> None:
    request = bomb(name)

    async def main() -> Any:
        connection = HttpConnection(process.rest_port)
        start_s = time.perf_counter()
        reply = await connection.exchange(*request)
        connection.close()
        return reply, time.perf_counter() - start_s

    reply, took_s = asyncio.run(main())
    _log.info("%s: %d after %.2f s, %s", name, reply.status, took_s, reply.body[:100])
    assert 400 <= reply.status < 500
    assert took_s < MAX_REPLY_S


def run_workers(work: Any) -> None:
    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(WORKERS)))

    asyncio.run(main())
