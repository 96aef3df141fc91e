"""Our model server under load, beside Flask and gunicorn on the same SavedModel, from the same client in one call.

    python -m benchmarks.serving [--model-folder out/serving/adclick] [--data data/sample/data] [--only adclick]

Over REST and gRPC; 1, 8 and 32 requests under way; 1 and 64 rows in each; rows of columns alone, of creatives that the
model knows, and with the bytes of an image that it does not know. First, what batching costs a single request. Prints
one JSON line. The client shares the machine and is counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from adclick.stack import prepare_environment
from benchmarks.peers.load_client import Load
from benchmarks.peers.serving_processes import MODEL_NAME, PEERS, Target, flask_peer, model_server, under_load
from benchmarks.peers.serving_requests import KINDS, grpc_bodies, jpegs, read_rows, rest_bodies, rows_of_kind

CONCURRENCY = (1, 8, 32)
ROWS = (1, 64)
_WARM_UP_S = 0.5
_FIRST_S = 3.0
_SEED = 7


def main() -> None:
    """Parses, loads every server in turn, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-folder", type=Path, default=Path("out/serving/adclick"), help="folder of versions")
    parser.add_argument("--data", type=Path, default=Path("data/sample/data"), help="the data that the run read")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--only", choices=("adclick",), help="without the peers")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--rows", nargs="+", type=int, default=ROWS)
    parser.add_argument("--concurrency", nargs="+", type=int, default=CONCURRENCY)
    # Of six pairs, the median went from 0.89 to 1.15 from one call to the next.
    parser.add_argument("--pairs", type=int, default=20, help="of loads that tell what batching costs a lone request")
    args = parser.parse_args()
    if not args.model_folder.is_dir() or not args.data.is_dir():
        sys.exit(f"{args.model_folder} or {args.data} is missing: `make run` makes both, or name others")
    prepare_environment()
    print(json.dumps(measure(args)))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """All figures of one call."""
    from serving.client import RestClient
    from serving.models.version_scan import list_versions

    versions = list_versions(args.model_folder) or {}
    table = next(iter(sorted(args.data.glob("month-*/*.csv*"))))
    rows, images = read_rows(table, 500), jpegs(_SEED)
    figures: dict[str, Any] = {"benchmark": "serving", "cores": len(os.sched_getaffinity(0)), "seconds": args.seconds}
    with model_server(args.model_folder, "--enable_batching") as ours:
        with RestClient(f"127.0.0.1:{ours.rest_port}", MODEL_NAME) as client:
            model = client.model_inputs()
        bodies: dict[tuple[str, str, int], tuple[bytes, ...]] = {}
        for kind in args.kinds:
            wanted = rows_of_kind(kind, rows, images)
            for count in args.rows:
                bodies["rest", kind, count] = rest_bodies(model, wanted, count)
                bodies["grpc", kind, count] = grpc_bodies(MODEL_NAME, model, wanted, count)
        with model_server(args.model_folder) as unbatched:  # before the loads, so that both are fresh
            figures["batching_at_concurrency_1"] = _batching_cost(ours, unbatched, bodies, args)
        figures["adclick_rest"] = _loads(ours, "rest", bodies, args)
        figures["adclick_grpc"] = _loads(ours, "grpc", bodies, args)
        figures["rss_mb"] = round(ours.rss_mb())
    if args.only is None:
        for name in PEERS:
            with flask_peer(name, versions[max(versions)]) as peer:
                figures[name] = _loads(peer, "rest", bodies, args)
        figures["rest_rps_over_better_peer"] = _ratios(figures)
    return figures


def _loads(
    target: Target, protocol: str, bodies: dict[tuple[str, str, int], tuple[bytes, ...]], args: argparse.Namespace
) -> dict[str, Any]:
    port = target.rest_port if protocol == "rest" else target.grpc_port
    first = next(iter(prepared for (spoken, *_), prepared in bodies.items() if spoken == protocol))
    # Each worker of the peers traces its graph with its first request.
    under_load(target, Load(protocol, port, target.rest_path, first, 8, _FIRST_S, 0.0))
    figures = {}
    for (spoken, kind, count), prepared in bodies.items():
        for concurrency in args.concurrency if spoken == protocol else ():
            load = Load(protocol, port, target.rest_path, prepared, concurrency, args.seconds, _WARM_UP_S)
            one = under_load(target, load)
            one["rows_per_s"] = round(count * one.get("rps", 0.0))
            name = f"{kind}, {count} rows, concurrency {concurrency}"
            figures[name] = one
            sys.stderr.write(f"{target.name:14} {protocol} {name}: {json.dumps(one)}\n")
    return figures


def _batching_cost(
    batched: Target,
    unbatched: Target,
    bodies: dict[tuple[str, str, int], tuple[bytes, ...]],
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Median latency with batching over that without, pair by pair, one request at a time."""
    cost: dict[str, Any] = {}
    for protocol in ("rest", "grpc"):
        prepared = bodies[protocol, args.kinds[0], args.rows[0]]
        ratios = []
        for pair in range(args.pairs):
            p50_ms = {}
            for one in (batched, unbatched) if pair % 2 else (unbatched, batched):
                port = one.rest_port if protocol == "rest" else one.grpc_port
                load = Load(protocol, port, one.rest_path, prepared, 1, args.seconds / 3, _WARM_UP_S)
                p50_ms[one] = under_load(one, load)["p50_ms"]
            ratios.append(p50_ms[batched] / p50_ms[unbatched])
        cost[protocol] = {"p50_ratios": [round(ratio, 3) for ratio in ratios], "median": statistics.median(ratios)}
    return cost


def _ratios(figures: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(ours["rps"] / best, 2)
        for name, ours in figures["adclick_rest"].items()
        if (best := max(figures[peer][name].get("rps", 0.0) for peer in PEERS))
    }


if __name__ == "__main__":
    main()
