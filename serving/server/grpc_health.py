"""grpc.health.v1.Health: Check and Watch.

Source: github.com/grpc/grpc, src/proto/grpc/health/v1/health.proto and doc/health-checking.md. The messages are built
at run time, as the package grpcio-health-checking is no dependency.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from typing import Any

import grpc

from serving.server.text_proto import add_message

_NAME = "grpc.health.v1.Health"
_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3
_MAX_WATCHERS = 256
# The first three are the original's (model_servers/server.cc); the full names are what clients usually ask for.
_SERVICES = (
    "",
    "ModelService",
    "PredictionService",
    "tensorflow.serving.ModelService",
    "tensorflow.serving.PredictionService",
    _NAME,
)


class Health:
    """One status for the whole server: SERVING once it is ready, NOT_SERVING before and from the end's beginning."""

    def __init__(self) -> None:
        self.serving = False
        self._changed = asyncio.Event()  # replaced at each change
        self._stopped = False
        self._watchers = 0

    def set_serving(self, serving: bool) -> None:
        """Changes the status and tells whoever watches."""
        self.serving = serving
        self._changed.set()
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Ends all watches, which would otherwise keep the server from ending."""
        self._stopped = True
        self.set_serving(False)

    def handler(self) -> Any:
        """The service for a grpc.aio server."""
        request_class, response_class = _messages()
        methods = {
            "Check": grpc.unary_unary_rpc_method_handler(
                self._check, request_class.FromString, response_class.SerializeToString
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                self._watch, request_class.FromString, response_class.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler(_NAME, methods)

    def _status(self, service: str) -> int:
        if service not in _SERVICES:
            return _SERVICE_UNKNOWN
        return _SERVING if self.serving else _NOT_SERVING

    async def _check(self, request: Any, context: Any) -> Any:
        status = self._status(request.service)
        if status == _SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return _messages()[1](status=status)

    async def _watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if self._watchers >= _MAX_WATCHERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{_MAX_WATCHERS} watches are under way")
        self._watchers += 1
        try:
            last = None
            while True:
                changed = self._changed
                status = self._status(request.service)
                if status != last:
                    yield _messages()[1](status=status)
                    last = status
                if self._stopped:
                    return
                await changed.wait()
        finally:
            self._watchers -= 1


@functools.cache
def _messages() -> tuple[Any, Any]:
    """Classes (HealthCheckRequest, HealthCheckResponse)."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="serving_health.proto", package="grpc.health.v1", syntax="proto3")
    add_message(file, "HealthCheckRequest", {"service": (1, "string")})
    # The proto's enum, written as the int64 that it is on the wire: a varint.
    add_message(file, "HealthCheckResponse", {"status": (1, "int64")})
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    factory = message_factory.MessageFactory(pool)
    request, response = (
        factory.GetPrototype(pool.FindMessageTypeByName(f"grpc.health.v1.{name}"))
        for name in ("HealthCheckRequest", "HealthCheckResponse")
    )
    return request, response
