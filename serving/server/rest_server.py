"""Runs the REST application on uvicorn within a running event loop, with an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn

from serving.server.http_protocol import BoundedHttpProtocol
from serving.server.rest_application import RestApplication

_BACKLOG = 2048
_KEEP_ALIVE_S = 75  # longer than clients' pools usually keep a connection, so that they close it and not we


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


class RestServer:
    """REST on a bound socket."""

    def __init__(self, application: RestApplication, listener: socket.socket, drain_s: float) -> None:
        self._application = application
        self._listener = listener
        self._task: asyncio.Task[None] | None = None
        self._server = _Server(
            uvicorn.Config(
                application,
                http=BoundedHttpProtocol,
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="warning",
                backlog=_BACKLOG,
                server_header=False,
                proxy_headers=False,  # nothing here asks for the client's address or scheme
                ws="none",
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=int(drain_s),
            )
        )

    async def start(self) -> None:
        """Starts accepting; returns when it does.

        Raises:
            RuntimeError: where uvicorn ended instead of starting.
        """
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._listener]))
        while not self._server.started:
            if self._task.done():
                raise RuntimeError("The REST server ended while starting; its log says why") from self._task.exception()
            await asyncio.sleep(0.001)

    def announce_end(self) -> None:
        """From now on, replies ask clients to close their connections."""
        self._application.draining = True

    async def stop(self) -> None:
        """Stops accepting and lets requests under way finish."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
