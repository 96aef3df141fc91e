"""Flags of the model server: the names and defaults of `tensorflow_model_server`, as far as they make sense
here.

Source: tensorflow_serving/model_servers/main.cc. Ours are --bind and --max_body_bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024
_MAX_PORT = 65535


@dataclass(frozen=True)
class ServerOptions:
    """What one model server serves, and where."""

    model_name: str
    model_base_path: Path
    grpc_port: int = 8500  # 0: no gRPC
    rest_port: int = 0  # 0: no REST
    bind: str = "127.0.0.1"
    poll_wait_s: float = 1.0
    rest_timeout_s: float = 30.0
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES


def parse_server_options(arguments: Sequence[str]) -> ServerOptions:
    """Options from a command line; bad ones end the process with status 2 and the flag's name."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.model_server",
        description="Serves the newest version of a SavedModel over TF Serving's gRPC and REST protocols.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=_port, default=8500, help="gRPC port; 0 turns gRPC off")
    parser.add_argument("--rest_api_port", type=_port, default=0, help="REST port; 0 turns REST off")
    parser.add_argument("--model_name", default="default", help="name that requests use")
    parser.add_argument("--model_base_path", type=Path, required=True, help="folder of the version folders 1, 2, …")
    parser.add_argument(
        "--file_system_poll_wait_seconds",
        type=_not_negative,
        default=1.0,
        help="seconds between looks for new versions; 0 looks until a version serves, then no more",
    )
    parser.add_argument(
        "--rest_api_timeout_in_ms", type=_positive, default=30000, help="longest a REST request may take"
    )
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on; 0.0.0.0 for every interface")
    parser.add_argument(
        "--max_body_bytes", type=_positive, default=DEFAULT_MAX_BODY_BYTES, help="largest request taken"
    )
    args = parser.parse_args(arguments)
    if not args.port and not args.rest_api_port:
        parser.error("--port 0 and --rest_api_port 0 turn both protocols off; give one of them a port")
    if args.port == args.rest_api_port:
        parser.error(f"--port and --rest_api_port are both {args.port}; give one of them another port")
    return ServerOptions(
        model_name=args.model_name,
        model_base_path=args.model_base_path,
        grpc_port=args.port,
        rest_port=args.rest_api_port,
        bind=args.bind,
        poll_wait_s=args.file_system_poll_wait_seconds,
        rest_timeout_s=args.rest_api_timeout_in_ms / 1000,
        max_body_bytes=args.max_body_bytes,
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{port} is no port; give 1 to {_MAX_PORT}, or 0 for off")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def _not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{number} is not a number of seconds; give 0 or more")
    return number
