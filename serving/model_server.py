"""The model server: `python -m serving.model_server` with `tensorflow_model_server`'s flags.

Puts the parts together (version watch, gRPC, REST) and brings them to an orderly end on SIGTERM or SIGINT:
new connections are refused, requests under way are answered, exit status 0.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from serving.server.listener import bind_listener
from serving.server.server_options import ServerOptions, parse_server_options

if TYPE_CHECKING:
    from serving.server.rest_server import RestServer

_log = logging.getLogger(__name__)

DRAIN_S = 30  # longest wait for requests under way at shutdown
_SIGNAL_CHECK_S = 0.5


class PortError(Exception):
    """A port that cannot be listened on; exit status 2."""


class ModelServer:
    """One model served over gRPC and REST. `start()` returns at once; models load in the background."""

    def __init__(self, options: ServerOptions) -> None:
        """Binds the ports.

        Raises:
            PortError: where one is taken, naming the flag.
        """
        # TensorFlow is imported by these, and only after prepare_environment().
        from serving.models.loader import load_saved_model
        from serving.models.version_table import VersionTable
        from serving.models.version_watch import VersionWatch

        self._options = options
        self._ready_said = False
        self.table = VersionTable(options.model_name)
        self._watch = VersionWatch(
            options.model_base_path, self.table, load_saved_model, self._announce, options.poll_wait_s
        )
        num_threads = max(8, 4 * (os.cpu_count() or 1))
        self._rest = self._bind_rest(num_threads) if options.rest_port else None
        self._grpc = self._bind_grpc(num_threads) if options.grpc_port else None

    def _bind_grpc(self, num_threads: int) -> Any:
        from serving.server.grpc_service import make_grpc_server

        server = make_grpc_server(self.table, num_threads, self._options.max_body_bytes)
        try:
            bound = server.add_insecure_port(_authority(self._options.bind, self._options.grpc_port))
        except RuntimeError as error:
            raise _port_error("gRPC", "--port", self._options.bind, self._options.grpc_port, error) from error
        if not bound:
            raise _port_error("gRPC", "--port", self._options.bind, self._options.grpc_port, "not bound")
        return server

    def _bind_rest(self, num_threads: int) -> RestServer:
        options = self._options
        try:
            listener = bind_listener(options.bind, options.rest_port)
        except OSError as error:
            raise _port_error("REST", "--rest_api_port", options.bind, options.rest_port, error) from error
        from serving.server.rest_server import RestServer
        from serving.server.rest_service import RestService

        service = RestService(self.table, num_threads, options.rest_timeout_s, options.max_body_bytes)
        return RestServer(service, listener, DRAIN_S)

    def start(self, stop: threading.Event) -> bool:
        """Serves as soon as a first version is loaded; False where `stop` was set before one was."""
        self._watch.start()
        while not self.table.wait_for_version(_SIGNAL_CHECK_S):
            if stop.is_set():
                return False
        if self._rest:
            self._rest.start()
        if self._grpc:
            self._grpc.start()
        version = self.table.versions_in_service()[-1]
        self._ready_said = True
        _say(f"adclick model server: model '{self._options.model_name}' version {version} ready{self._addresses()}")
        return True

    def stop(self) -> None:
        """Stops accepting, finishes requests under way, ends all threads."""
        grpc_stopped = self._grpc.stop(DRAIN_S) if self._grpc else None
        if self._rest and self._ready_said:
            self._rest.stop()
        if grpc_stopped:
            grpc_stopped.wait()
        self._watch.stop()

    def _addresses(self) -> str:
        options = self._options
        grpc = f", gRPC {_authority(options.bind, options.grpc_port)}" if options.grpc_port else ""
        rest = f", REST {_authority(options.bind, options.rest_port)}" if options.rest_port else ""
        return grpc + rest

    def _announce(self, change: str) -> None:
        _log.info("model '%s': %s", self._options.model_name, change)
        if self._ready_said:  # before that, the ready line says it
            _say(f"adclick model server: model '{self._options.model_name}' {change}")


def serve(options: ServerOptions) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit status: 0, or 2 where a port is taken."""
    stop = threading.Event()
    with _signals_set(stop):
        try:
            server = ModelServer(options)
        except PortError as error:
            sys.stderr.write(f"adclick model server: {error}\n")
            return 2
        if server.start(stop):
            # A plain wait() without timeout would not let the handler run on every platform.
            while not stop.wait(_SIGNAL_CHECK_S):
                pass
        server.stop()
    _say("adclick model server: stopped")
    return 0


@contextlib.contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    handled = (signal.SIGTERM, signal.SIGINT)

    def on_signal(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

    before = {number: signal.signal(number, on_signal) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _authority(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _port_error(protocol: str, flag: str, address: str, port: int, why: object) -> PortError:
    return PortError(
        f"cannot listen on {_authority(address, port)} for {protocol}: {why}; "
        f"stop what uses the port, or give another one with {flag} (or, with --bind, another address)"
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def set_up_logging() -> None:
    """Log lines on stderr; TensorFlow's deprecation notices about its own v1 loader are kept out."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m serving.model_server`."""
    from adclick.stack import prepare_environment

    prepare_environment()
    options = parse_server_options(sys.argv[1:] if arguments is None else arguments)
    set_up_logging()
    return serve(options)


if __name__ == "__main__":
    sys.exit(main())
