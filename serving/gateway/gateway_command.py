"""`adclick gateway`: the JSON interface in front of the model server."""

from __future__ import annotations

import argparse
import gc
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from configs.gateway_loading import LoadedGateway


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of `adclick gateway` and `python -m serving.gateway`."""
    parser.add_argument("--config", type=Path, required=True, help="the gateway's YAML file (configs/gateway.yaml)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="A.B=VALUE", help="a setting over the file's, for example "
        "--set listen.port=8081; may be repeated",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT. Exit status 2: settings that cannot be used, or a port that cannot be had."""
    from adclick.errors import SettingsError
    from configs.gateway_loading import load_gateway
    from serving.server.listener import bind_listener

    try:
        loaded = load_gateway(args.config, tuple(args.set))
        listen = loaded.gateway.listen
        try:
            listener = bind_listener(listen.host, listen.port)
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {listen.host}:{listen.port}: {error.strerror or error}; stop what uses the port, "
                "or set listen.host and listen.port"
            ) from None
        _serve(loaded, listener)
    except SettingsError as error:
        sys.stderr.write("".join(f"adclick gateway: {line}\n" for line in str(error).splitlines()))
        return error.exit_status
    _say("adclick gateway: stopped")
    return 0


def _serve(loaded: LoadedGateway, listener: socket.socket) -> None:
    import logging

    import uvloop

    from serving.gateway.gateway import run_gateway

    gc.collect()
    gc.freeze()  # modules and settings stay: full collections, which hold every request up, need not look at them
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with listener:
        uvloop.run(run_gateway(loaded, listener, _say))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
