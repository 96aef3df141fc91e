"""A closed-loop load: so many requests always under way, over REST or gRPC, each with a prepared body.

    python -m benchmarks.peers.load_client LOAD.pickle

Runs in a process of its own, so that its CPU is told apart, and prints one JSON object. It does as little as it can for
a reply (HTTP/1.1 by hand, gRPC messages as bytes): what is measured is the server.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRPC_METHOD = "/tensorflow.serving.PredictionService/Predict"
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What to send, where to, how many at once and for how long."""

    protocol: str
    """`rest` or `grpc`."""
    port: int
    path: str
    bodies: tuple[bytes, ...]
    """Sent in turns."""
    concurrency: int
    duration_s: float
    warm_up_s: float
    headers: tuple[tuple[str, str], ...] = ()


class Tally:
    """Latencies of the requests that ended after the warm-up, in seconds."""

    def __init__(self, load: Load) -> None:
        self.latencies_s: list[float] = []
        self.failures: list[str] = []
        self.start_s = time.perf_counter() + load.warm_up_s
        self.end_s = self.start_s + load.duration_s
        self._bodies, self._next = load.bodies, 0

    def take(self) -> bytes | None:
        """The next body; none when the time is over."""
        if time.perf_counter() >= self.end_s:
            return None
        self._next += 1
        return self._bodies[self._next % len(self._bodies)]

    def count(self, sent_s: float, failure: str | None) -> None:
        """Notes a reply."""
        now_s = time.perf_counter()
        if failure is not None:
            self.failures.append(failure)
        elif self.start_s <= now_s <= self.end_s:
            self.latencies_s.append(now_s - sent_s)


class HttpConnection(asyncio.Protocol):
    """One request after another on one connection; opened anew where the server closes it."""

    def __init__(self, tally: Tally, head: Callable[[int], bytes], ended: Callable[[], None]) -> None:
        self._tally, self._head, self._ended = tally, head, ended
        self._received, self._missing = bytearray(), -1
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        self.finished = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        body = self._tally.take()
        assert self._transport
        if body is None:
            self.finished = True
            self._transport.close()
            return
        self._sent_s, self._waiting = time.perf_counter(), True
        self._transport.write(self._head(len(body)) + body)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing < 0:
            end = self._received.find(_HEAD_END)
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            self._status, self._close = int(head[9:12]), b"connection: close" in head
            self._missing = end + len(_HEAD_END) + length
        if len(self._received) < self._missing:
            return
        failure = None if self._status == 200 else f"{self._status} {bytes(self._received[-200:])!r}"
        self._received.clear()
        self._missing, self._waiting = -1, False
        self._tally.count(self._sent_s, failure)
        if self._close:
            assert self._transport
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting:
            self._tally.count(self._sent_s, f"connection lost: {error!r}")
        self._ended()


async def _rest(load: Load, tally: Tally) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in load.headers)
    start = f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Type: application/json\r\nContent-Length: "

    def head(length: int) -> bytes:
        return f"{start}{length}\r\n\r\n".encode()

    async def worker() -> None:
        finished = False
        while not finished and time.perf_counter() < tally.end_s:
            finished = await _one_connection(load.port, tally, head)

    await asyncio.gather(*(worker() for _ in range(load.concurrency)))


async def _one_connection(port: int, tally: Tally, head: Callable[[int], bytes]) -> bool:
    """Until the server closes it, or the time is over: whether it is."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    connection = HttpConnection(tally, head, lambda: None if ended.done() else ended.set_result(None))
    await loop.create_connection(lambda: connection, "127.0.0.1", port)
    await ended
    return connection.finished


async def _grpc(load: Load, tally: Tally) -> None:
    import grpc

    async with grpc.aio.insecure_channel(f"127.0.0.1:{load.port}") as channel:
        call = channel.unary_unary(GRPC_METHOD)

        async def worker() -> None:
            while (body := tally.take()) is not None:
                sent_s, failure = time.perf_counter(), None
                try:
                    await call(body, timeout=30)
                except grpc.aio.AioRpcError as error:
                    failure = f"{error.code().name} {error.details()}"
                tally.count(sent_s, failure)

        await asyncio.gather(*(worker() for _ in range(load.concurrency)))


def run(load: Load) -> dict[str, Any]:
    """Requests per second, latencies in ms, failures, CPU seconds of this process per 1,000 requests."""
    import uvloop

    tally = Tally(load)
    uvloop.install()
    asyncio.run(_rest(load, tally) if load.protocol == "rest" else _grpc(load, tally))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    latencies_ms = sorted(1000 * latency for latency in tally.latencies_s)
    if not latencies_ms:
        return {"requests": 0, "failed": len(tally.failures), "failures": tally.failures[:3]}
    return {
        "requests": len(latencies_ms),
        "rps": round(len(latencies_ms) / load.duration_s, 1),
        "p50_ms": round(latencies_ms[len(latencies_ms) // 2], 3),
        "p99_ms": round(latencies_ms[int(0.99 * len(latencies_ms))], 3),
        "max_ms": round(latencies_ms[-1], 3),
        "failed": len(tally.failures),
        "failures": tally.failures[:3],
        "client_cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
    }


if __name__ == "__main__":
    print(json.dumps(run(pickle.loads(Path(sys.argv[1]).read_bytes()))))
