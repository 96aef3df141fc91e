"""A closed-loop load on a model server: so many requests under way, each connection asking again once answered.

Raw asyncio HTTP/1.1 with keep-alive and bodies made beforehand, and grpc.aio with raw bytes, so that the client takes
as little of the machine as Python allows; its share is reported.

    python benchmarks/peers/serving_load.py rest 127.0.0.1:8501 /v1/models/adclick:predict body.json -c 32 -s 5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Load:
    """What came of a load; times in seconds."""

    latencies_s: list[float] = field(default_factory=list)
    refused: int = 0  # 429, 503, RESOURCE_EXHAUSTED, UNAVAILABLE
    failed: int = 0
    wall_s: float = 0.0
    client_cpu_s: float = 0.0

    def summary(self) -> dict[str, float]:
        """Requests per second, percentiles in milliseconds, and the client's CPU seconds."""
        ordered = sorted(self.latencies_s)
        return {
            "rps": round(len(ordered) / self.wall_s, 1),
            "p50_ms": round(percentile(ordered, 0.5) * 1e3, 3),
            "p99_ms": round(percentile(ordered, 0.99) * 1e3, 3),
            "max_ms": round(ordered[-1] * 1e3, 3) if ordered else 0.0,
            "refused": self.refused,
            "failed": self.failed,
            "client_cpu_s": round(self.client_cpu_s, 2),
        }


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of sorted values; 0 where there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def load_rest(address: str, path: str, bodies: Sequence[bytes], concurrency: int, duration_s: float) -> Load:
    """POSTs `bodies` in turn to `path` on `concurrency` connections."""
    host, port = address.rsplit(":", 1)
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: "
    requests = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    load = Load()

    async def connection(number: int, until_s: float) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < until_s:
            request = requests[number % len(requests)]
            number += concurrency
            started_s = time.perf_counter()
            writer.write(request)
            status = await _read_reply(reader)
            _count(load, status == 200, status in (429, 503), time.perf_counter() - started_s)
        writer.close()

    return await _run(load, connection, concurrency, duration_s)


async def _read_reply(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head[9:12])


async def load_grpc(
    address: str, method: str, messages: Sequence[bytes], concurrency: int, duration_s: float, channels: int = 1
) -> Load:
    """Calls `method` with serialized `messages` in turn, `concurrency` calls at a time."""
    import grpc

    load = Load()
    opened = [
        grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) for _ in range(channels)
    ]
    calls = [channel.unary_unary(method) for channel in opened]
    busy = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)

    async def caller(number: int, until_s: float) -> None:
        call = calls[number % len(calls)]
        while time.perf_counter() < until_s:
            message = messages[number % len(messages)]
            number += concurrency
            started_s = time.perf_counter()
            try:
                await call(message, timeout=30)
                _count(load, True, False, time.perf_counter() - started_s)
            except grpc.aio.AioRpcError as error:
                _count(load, False, error.code() in busy, 0.0)

    try:
        return await _run(load, caller, concurrency, duration_s)
    finally:
        for channel in opened:
            await channel.close()


def _count(load: Load, answered: bool, refused: bool, latency_s: float) -> None:
    if answered:
        load.latencies_s.append(latency_s)
    elif refused:
        load.refused += 1
    else:
        load.failed += 1


async def _run(
    load: Load, worker: Callable[[int, float], Awaitable[None]], concurrency: int, duration_s: float
) -> Load:
    cpu_s, started_s = _cpu_s(), time.perf_counter()
    await asyncio.gather(*(worker(number, started_s + duration_s) for number in range(concurrency)))
    load.wall_s = time.perf_counter() - started_s
    load.client_cpu_s = _cpu_s() - cpu_s
    return load


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Prints one JSON line."""
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", choices=("rest", "grpc"))
    parser.add_argument("address", help="host:port")
    parser.add_argument("target", help="path, or /package.Service/Method")
    parser.add_argument("bodies", type=Path, nargs="+", help="files with one body or serialized message each")
    parser.add_argument("-c", "--concurrency", type=int, default=32)
    parser.add_argument("-s", "--seconds", type=float, default=5.0)
    args = parser.parse_args()
    uvloop.install()
    load = load_rest if args.protocol == "rest" else load_grpc
    bodies = [path.read_bytes() for path in args.bodies]
    done = asyncio.run(load(args.address, args.target, bodies, args.concurrency, args.seconds))
    print(json.dumps(done.summary()))


if __name__ == "__main__":
    main()
