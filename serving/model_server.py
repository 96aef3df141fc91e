"""The model server: `python -m serving.model_server` with `tensorflow_model_server`'s flags.

Puts the parts together (models, gRPC, REST) on one event loop in the main thread, and brings them to an orderly end on
SIGTERM or SIGINT: health says NOT_SERVING, new connections are refused, requests under way are answered, exit status 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from serving.server.batching_parameters import BatchingParameters, read_batching_parameters
from serving.server.config_files import read_prometheus_path, read_tls_config
from serving.server.listener import PortError, authority, bind_listener, port_error
from serving.server.server_flags import parse_server_options
from serving.server.server_options import ServerOptions
from serving.server.text_proto import ConfigFileError

if TYPE_CHECKING:
    from serving.models.registry import Models
    from serving.server.front import FrontConfig

_log = logging.getLogger(__name__)

_SIGNAL_CHECK_S = 0.2
# A thread that comes back from TensorFlow waits so long for the interpreter; Python's 5 ms are an age here.
_SWITCH_INTERVAL_S = 0.0005
_GC_THRESHOLD = 20_000  # containers; a single JSON body of 64 rows makes a collection's 700


def serve(options: ServerOptions) -> int:
    """Serves until SIGTERM or SIGINT.

    Returns the exit status: 0, or 2 where a port is taken or a configuration file cannot be used. Where a version is
    still being loaded at the end, it does not return but ends the process, with status 0.
    """
    # oneDNN's allocator keeps whatever it has ever held: one large image, and its pixels' memory is gone for good.
    # Single rows also run quicker without; results differ by rounding.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from serving.models.model_config_file import ModelConfigFileError

    stop = threading.Event()
    with _signals_set(stop):
        try:
            listener = _bind(options)
            try:
                ended = _serve(options, listener, stop)
            finally:
                if listener:
                    listener.close()
        except (PortError, ConfigFileError, ModelConfigFileError) as error:
            sys.stderr.write(f"adclick model server: {error}\n")
            return 2
    _say("adclick model server: stopped")
    if not ended:
        _leave()
    return 0


def _leave() -> NoReturn:
    """Ends the process beside a load under way: TensorFlow cannot interrupt one, and the interpreter's end would, by
    an unwinding of its thread that C++ answers with abort()."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _bind(options: ServerOptions) -> socket.socket | None:
    """The REST socket; the gRPC port is tried too, as its own server binds it only after TensorFlow's import."""
    if options.grpc_port:
        try:
            bind_listener(options.bind, options.grpc_port).close()
        except OSError as error:
            raise port_error("gRPC", "--port", options.bind, options.grpc_port, error) from error
    if not options.rest_port:
        return None
    try:
        return bind_listener(options.bind, options.rest_port)
    except OSError as error:
        raise port_error("REST", "--rest_api_port", options.bind, options.rest_port, error) from error


def _serve(options: ServerOptions, listener: socket.socket | None, stop: threading.Event) -> bool:
    """Returns whether every load ended, too."""
    import uvloop

    config = _read_config(options)
    if options.without_effect:
        _log.warning("Accepted, but without effect here: %s", ", ".join(options.without_effect))
    announcer = _Announcer()
    models = _make_models(options, announcer)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(_run(options, config, models, announcer, listener, stop))
    finally:
        loop.close()


def _read_config(options: ServerOptions) -> FrontConfig:
    from serving.server.front import FrontConfig

    batching = None
    if options.enable_batching:
        path = options.batching_parameters_file
        batching = read_batching_parameters(path) if path else BatchingParameters()
    tls = read_tls_config(options.ssl_config_file) if options.ssl_config_file else None
    monitoring = options.monitoring_config_file
    return FrontConfig(batching, tls, read_prometheus_path(monitoring) if monitoring else None)


class _Announcer:
    """Says each model's changes on standard output, once the ready lines have been said."""

    def __init__(self) -> None:
        self.ready = False

    def __call__(self, model_name: str, change: str) -> None:
        _log.info("model '%s': %s", model_name, change)
        if self.ready:
            _say(f"adclick model server: model '{model_name}' {change}")


async def _run(
    options: ServerOptions,
    config: FrontConfig,
    models: Models,
    announcer: _Announcer,
    listener: socket.socket | None,
    stop: threading.Event,
) -> bool:
    from serving.server.front import Front

    front = Front(models, options, config, listener)
    loop = asyncio.get_running_loop()
    models.start()
    try:
        while not stop.is_set():
            if await loop.run_in_executor(None, models.wait_until_available, _SIGNAL_CHECK_S):
                break
        if not stop.is_set():
            gc.collect()
            gc.freeze()  # TensorFlow's million objects would be looked through by every full collection
            gc.set_threshold(_GC_THRESHOLD)
            await front.start()
            announcer.ready = True
            _say_ready(options, models)
            await _until_signal(stop)
            await front.drain()
    finally:
        front.stop()
        ended = await loop.run_in_executor(None, models.stop)
    return ended


def _say_ready(options: ServerOptions, models: Models) -> None:
    addresses = ""
    if options.grpc_port:
        addresses += f", gRPC {authority(options.bind, options.grpc_port)}"
    if options.grpc_socket_path:
        addresses += f", gRPC unix:{options.grpc_socket_path}"
    if options.rest_port:
        addresses += f", REST {authority(options.bind, options.rest_port)}"
    for name, versions in models.in_service().items():
        if versions:
            several = len(versions) > 1
            listed = ", ".join(map(str, versions))
            _say(f"adclick model server: model '{name}' version{'s' * several} {listed} ready{addresses}")


async def _until_signal(stop: threading.Event) -> None:
    """Returns on SIGTERM or SIGINT; from then on SIGINT ends the process at once, and SIGTERM changes nothing.

    Supervisors repeat SIGTERM, or send it to a group and to its members: no request may be lost by that.
    """
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    def on_signal() -> None:
        woken.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal)
    if stop.is_set():  # it came while the handlers changed
        return
    await woken.wait()


_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """Until the event loop takes over, signals set `stop`."""

    def on_signal(_number: int, _: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends the process at once

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _make_models(options: ServerOptions, announce: _Announcer) -> Models:
    from serving.server.model_setup import make_models

    return make_models(options, announce)


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
