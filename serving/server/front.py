"""Both protocols on one event loop, from their first connection to their orderly end."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import Any

from serving.models.registry import Models
from serving.request_error import Code
from serving.server.admission import Admission, ByteBudget
from serving.server.batching_parameters import BatchingParameters
from serving.server.config_files import TlsConfig
from serving.server.execution import Executor
from serving.server.inference import Inference
from serving.server.metrics import Metrics
from serving.server.model_calls import ModelCalls
from serving.server.server_options import ServerOptions

DRAIN_S = 25.0  # longest wait for requests under way at the end; with all else, the process ends within 30 s
LAME_DUCK_S = 0.5  # health says NOT_SERVING and replies ask to close, before connections are closed


@dataclass(frozen=True)
class FrontConfig:
    """What the configuration files say."""

    batching: BatchingParameters | None = None
    tls: TlsConfig | None = None
    prometheus_path: str | None = None


class Front:
    """The servers and what they share. Made and used on the event loop's thread."""

    def __init__(
        self, models: Models, options: ServerOptions, config: FrontConfig, rest_listener: socket.socket | None
    ) -> None:
        """Binds the gRPC addresses.

        Raises:
            PortError: where one cannot be had, naming the flag.
        """
        threads = options.num_run_threads or os.cpu_count() or 1
        if config.batching:
            threads = options.num_run_threads or config.batching.num_batch_threads
        metrics = Metrics()
        self._executor = Executor(
            asyncio.get_running_loop(), threads, 2 * options.max_inflight_requests, config.batching
        )
        self._inference = Inference(models, self._executor, metrics)
        self._calls = ModelCalls(models, metrics)
        budget = ByteBudget(options.max_inflight_bytes)
        self._rest = self._make_rest(options, config, metrics, budget, rest_listener) if rest_listener else None
        self._health: Any = None
        self._grpc = None
        if options.grpc_port or options.grpc_socket_path:
            self._grpc = self._make_grpc(options, config, budget)

    def _make_rest(
        self,
        options: ServerOptions,
        config: FrontConfig,
        metrics: Metrics,
        budget: ByteBudget,
        listener: socket.socket,
    ) -> Any:
        from serving.server.rest_application import RestApplication, RestOptions
        from serving.server.rest_server import RestServer

        rest_options = RestOptions(
            options.rest_timeout_s,
            options.max_body_bytes,
            options.enable_cors,
            config.prometheus_path,
            options.check_method_names,
        )
        admission = Admission(options.max_inflight_requests, budget, Code.UNAVAILABLE)
        application = RestApplication(self._inference, self._calls, metrics, admission, rest_options)
        return RestServer(application, listener, DRAIN_S)

    def _make_grpc(self, options: ServerOptions, config: FrontConfig, budget: ByteBudget) -> Any:
        from serving.server.grpc_health import Health
        from serving.server.grpc_server import add_port, add_socket, make_grpc_server
        from serving.server.grpc_service import model_service, prediction_service

        admission = Admission(options.max_inflight_requests, budget, Code.RESOURCE_EXHAUSTED)
        predictions = prediction_service(
            self._inference,
            self._calls,
            admission,
            check_method_names=options.check_method_names,
            tensor_content=options.tensor_content,
        )
        handlers = [predictions, model_service(self._calls)]
        if options.enable_health_service:
            self._health = Health()
            handlers.append(self._health.handler())
        server = make_grpc_server(
            handlers, options.max_body_bytes, options.max_inflight_requests, options.grpc_channel_arguments
        )
        if options.grpc_port:
            add_port(server, options.bind, options.grpc_port, config.tls)
        if options.grpc_socket_path:
            add_socket(server, options.grpc_socket_path, config.tls)
        return server

    async def start(self) -> None:
        """Accepts requests from now on."""
        if self._rest:
            await self._rest.start()
        if self._grpc:
            await self._grpc.start()
        if self._health:
            self._health.set_serving(True)

    async def drain(self) -> None:
        """Says that the end is near, stops accepting, and answers every request accepted until then."""
        if self._health:
            self._health.set_serving(False)
        if self._rest:
            self._rest.announce_end()
        await asyncio.sleep(LAME_DUCK_S)
        if self._health:
            self._health.stop()
        ends = []
        if self._grpc:
            ends.append(self._grpc.stop(DRAIN_S))
        if self._rest:
            ends.append(self._rest.stop())
        await asyncio.gather(*ends)

    def stop(self) -> None:
        """Ends the threads, after `drain` or in its place where nothing was started."""
        self._calls.stop()
        self._inference.stop()
        self._executor.stop(timeout_s=1.0)
