"""`adclick serve`: serves the pushed model on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from serving.models.version_scan import list_versions
from serving.server.listener import bind_listener


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `adclick serve`."""
    parser.add_argument("--output-root", type=Path, default=Path("out"), help="folder that `adclick run` wrote (out)")
    parser.add_argument("--model-name", default="adclick", help="model to serve (adclick)")
    parser.add_argument("--port", type=int, default=8500, help="gRPC port (8500); 0 for none")
    parser.add_argument("--rest-port", type=int, default=8501, help="REST port (8501); 0 for none")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT. Exit status 2: nothing to serve, or a port that cannot be had."""
    base_path = args.output_root / "serving" / args.model_name
    trouble = _port_trouble(args.port, args.rest_port) or nothing_to_serve(base_path)
    # Asked here too, as the server itself knows only after the seconds that importing TensorFlow takes.
    trouble = trouble or _taken(args.bind, "--port", args.port) or _taken(args.bind, "--rest-port", args.rest_port)
    if trouble:
        sys.stderr.write(f"adclick serve: {trouble}\n")
        return 2

    from adclick.stack import prepare_environment

    prepare_environment()
    from serving.model_server import serve, set_up_logging
    from serving.server.server_options import ServerOptions

    set_up_logging()
    options = ServerOptions(
        model_name=args.model_name,
        model_base_path=base_path,
        grpc_port=args.port,
        rest_port=args.rest_port,
        bind=args.bind,
        enable_batching=True,
        enable_health_service=True,
    )
    return serve(options)


def nothing_to_serve(base_path: Path) -> str | None:
    """Why there is no version to serve under `base_path`, with the mend; None where there is one."""
    mend = (
        "push a model first with `make run` or `python run_local.py --config FILE`, "
        "or name another place with --output-root and --model-name"
    )
    versions = list_versions(base_path)
    if versions is None:
        return f"{base_path} does not exist; {mend}"
    if not versions:
        return f"{base_path} holds no version (a folder named by a number); {mend}"
    return None


def _port_trouble(port: int, rest_port: int) -> str | None:
    for flag, number in (("--port", port), ("--rest-port", rest_port)):
        if not 0 <= number <= 65535:
            return f"{flag} {number} is no port; give 1 to 65535, or 0 for none"
    if port == rest_port:
        return f"--port and --rest-port are both {port}; give one of them another port"
    return None


def _taken(bind: str, flag: str, port: int) -> str | None:
    if not port:
        return None
    try:
        bind_listener(bind, port).close()
    except OSError as error:
        return (
            f"cannot listen on {bind}:{port}: {error.strerror or error}; stop what uses the port, "
            f"or give another one with {flag} (or, with --bind, another address)"
        )
    return None
