"""uvicorn with the server's own HTTP protocol, around any ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from serving.server.http_protocol import BoundedHttpProtocol
from serving.server.listener import bind_listener


@contextlib.asynccontextmanager
async def listening(application: Any) -> AsyncIterator[tuple[str, int]]:
    """Host and port, within a running event loop."""
    config = uvicorn.Config(
        application, http=BoundedHttpProtocol, lifespan="off", log_config=None, ws="none", loop="asyncio"
    )
    server = uvicorn.Server(config)
    with bind_listener("127.0.0.1", 0) as listener:
        serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        yield listener.getsockname()[:2]
        server.should_exit = True
        await serving
