"""Runs an ASGI application on uvicorn in a thread of its own, with an orderly end."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn

from serving.server.rest_service import RestService

_LAME_DUCK_S = 0.3  # replies ask clients to close their connections before the rest is closed under them
_BACKLOG = 2048


class RestServer:
    """REST on a bound socket. Signals are the caller's business: uvicorn takes them in the main thread
    only."""

    def __init__(self, service: RestService, listener: socket.socket, drain_s: float) -> None:
        self._service = service
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                service,
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                backlog=_BACKLOG,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=int(drain_s),
            )
        )
        self._thread = threading.Thread(target=self._run, name="rest-server", daemon=True)

    def start(self) -> None:
        """Starts accepting; returns when it does.

        Raises:
            RuntimeError: where uvicorn ended instead of starting.
        """
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The REST server ended while starting; its log says why")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stops accepting, lets requests under way finish, and ends the thread."""
        self._service.draining = True
        time.sleep(_LAME_DUCK_S)
        self._server.should_exit = True
        self._thread.join()
        self._service.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
