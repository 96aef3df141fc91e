"""The gateway under load: tokens verified, rows checked, the model asked over gRPC, all as in production.

    python -m benchmarks.gateway [--model-folder out/serving/adclick] [--data data/sample/data] [--concurrency 16]

Starts our model server and a gateway, sends it rows of the data by so many clients with a token each, and prints one
JSON line: predictions per second, latencies, CPU seconds of the gateway for each thousand requests. The client and the
model server share the machine and are counted apart. Answers are looked at before the load and counted during it.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from adclick.stack import prepare_environment
from benchmarks.peers.load_client import Load
from benchmarks.peers.serving_processes import MODEL_NAME, Target, gateway, model_server, under_load
from benchmarks.peers.serving_requests import read_rows

AUDIENCE = "benchmark"
SECRET_VARIABLE = "ADCLICK_BENCHMARK_JWT_SECRET"
_PATH = "/v1/predict"
_WARM_UP_S = 1.0
_DISTINCT_ROWS = 500
_TOKEN_S = 3600


def main() -> None:
    """Parses, loads the gateway, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-folder", type=Path, default=Path("out/serving/adclick"), help="folder of versions")
    parser.add_argument("--data", type=Path, default=Path("data/sample/data"), help="the data that the run read")
    parser.add_argument("--settings", type=Path, default=Path("configs/base.yaml"), help="with the feature table")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rows", nargs="+", type=int, default=(1,), help="rows of a request")
    args = parser.parse_args()
    if not args.model_folder.is_dir() or not args.data.is_dir():
        sys.exit(f"{args.model_folder} or {args.data} is missing: `make run` makes both, or name others")
    prepare_environment()
    print(json.dumps(measure(args)))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures of one call."""
    from configs.loading import load_settings

    table = load_settings(args.settings).features
    data = next(iter(sorted(args.data.glob("month-*/*.csv*"))))
    rows = [as_json(row, table) for row in read_rows(data, _DISTINCT_ROWS)]
    secret = secrets.token_urlsafe(32)
    figures: dict[str, Any] = {
        "benchmark": "gateway", "cores": len(os.sched_getaffinity(0)), "seconds": args.seconds,
        "concurrency": args.concurrency,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch, model_server(args.model_folder, "--enable_batching") as server:
        config = Path(scratch, "gateway.yaml")
        config.write_text(yaml.safe_dump(gateway_settings(args.settings.resolve(), server.grpc_port)))
        with gateway(config, {SECRET_VARIABLE: secret}) as target:
            headers = (("Authorization", f"Bearer {token(secret)}"),)
            figures["confidence"] = _checked(target, headers, rows[0])
            for count in args.rows:
                figures[f"{count} rows"] = _loaded(target, server, args, bodies(rows, count), headers, count)
            figures["rss_mb"] = round(target.rss_mb())
    return figures


def _loaded(
    target: Target,
    server: Target,
    args: argparse.Namespace,
    prepared: tuple[bytes, ...],
    headers: tuple[tuple[str, str], ...],
    count: int,
) -> dict[str, Any]:
    load = Load("rest", target.rest_port, _PATH, prepared, args.concurrency, args.seconds, _WARM_UP_S, headers)
    answered_before, server_before_s = _answered(target), server.cpu_s()
    one = under_load(target, load)
    answered = _answered(target) - answered_before  # the warm-up's too, as the CPU seconds have it in them
    if not answered or one["failed"] or not one["requests"]:
        sys.exit(f"the gateway failed {one['failed']} requests: {one['failures']}")
    one["predictions_per_s"] = round(count * one["rps"], 1)
    one["cpu_s_per_1000_requests"] = round(1000 * one.pop("server_cpu_s") / answered, 4)
    one["model_server_cpu_s_per_1000_requests"] = round(1000 * (server.cpu_s() - server_before_s) / answered, 4)
    return one


def gateway_settings(settings: Path, grpc_port: int) -> dict[str, Any]:
    """As configs/gateway.yaml, but for the rate limit, which would be what is measured."""
    return {
        "settings": str(settings),
        "upstream": {"server": f"127.0.0.1:{grpc_port}", "model_name": MODEL_NAME, "timeout_s": 5.0},
        "jwt": {"hs256_secret_variable": SECRET_VARIABLE, "audience": AUDIENCE},
        "rate_limit": {"rows_per_s": 1e9, "burst_rows": 1_000_000_000},
        "request_log": {"folder": "requests", "sampled_share": 0.01},
    }


def token(secret: str) -> str:
    """A token of an hour."""
    import jwt

    claims = {"sub": "benchmark", "aud": AUDIENCE, "exp": time.time() + _TOKEN_S}
    return jwt.encode(claims, secret, algorithm="HS256")


def as_json(row: Mapping[str, str], table: Any) -> dict[str, object]:
    """A row of a CSV with JSON's types, without the label and what is empty."""
    numbers = {feature.name for feature in table if feature.kind in ("numeric", "bucketized")}
    known = {feature.name for feature in table} - {table.label.name}
    return {name: float(value) if name in numbers else value for name, value in row.items() if name in known and value}


def bodies(rows: Sequence[Mapping[str, object]], count: int) -> tuple[bytes, ...]:
    """Each row of the data once, `count` to a request; an object for one row, as a caller sends it."""
    if count == 1:
        return tuple(json.dumps(row).encode() for row in rows)
    around = itertools.cycle(rows)
    return tuple(json.dumps(list(itertools.islice(around, count))).encode() for _ in range(32))


def _checked(target: Target, headers: tuple[tuple[str, str], ...], row: Mapping[str, object]) -> bool:
    """Whether answers have a confidence; an answer that is none ends the benchmark, and a bad token's does."""
    status, text = _exchange(target, "POST", json.dumps(row), dict(headers))
    refused, _ = _exchange(target, "POST", json.dumps(row), {"Authorization": "Bearer x"})
    if status != 200 or refused != 401:
        sys.exit(f"the gateway answered {status} {text!r}, and {refused} to a bad token")
    return json.loads(text)["prediction"]["confidence"] is not None


def _answered(target: Target) -> float:
    _, text = _exchange(target, "GET", None, {}, "/metrics")
    line = 'adclick_gateway_requests_total{code="ok",status="200"} '
    return next((float(each[len(line) :]) for each in text.splitlines() if each.startswith(line)), 0.0)


def _exchange(
    target: Target, method: str, body: str | None, headers: dict[str, str], path: str = _PATH
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", target.rest_port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
