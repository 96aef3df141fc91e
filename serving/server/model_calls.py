"""Requests about models rather than to them: status, metadata, reload. Shared by gRPC and REST.

Source: tensorflow_serving/model_servers/{get_model_status_impl,model_service_impl}.cc and
servables/tensorflow/get_model_metadata_impl.cc.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from serving.models.registry import Models
from serving.protocol.model_metadata import metadata_response, signature_def_map
from serving.protocol.model_status import status_response
from serving.request_error import Code, RequestError, invalid_argument
from serving.server.metrics import Metrics

_log = logging.getLogger(__name__)


class ModelCalls:
    """Status, metadata and reload over a registry of models."""

    def __init__(self, models: Models, metrics: Metrics) -> None:
        self._models = models
        self._metrics = metrics
        # Of its own, and one only: a reload blocks until its models are loaded, and reloads follow one another.
        self._reloads = ThreadPoolExecutor(1, thread_name_prefix="reload")

    def status(self, name: str, version: int | None, label: str | None) -> Any:
        """GetModelStatusResponse.

        Raises:
            RequestError: NOT_FOUND where no such version was ever seen, INVALID_ARGUMENT for an unknown label.
        """
        return status_response(self._models.statuses(name, version, label))

    def metadata(self, name: str, version: int | None, label: str | None) -> tuple[Any, int]:
        """(SignatureDefMap, version) of a model in service.

        Raises:
            RequestError: NOT_FOUND or INVALID_ARGUMENT.
        """
        with self._models.acquire(name, version, label) as servable:
            return signature_def_map(servable.model), servable.version

    def metadata_response(self, name: str, version: int | None, label: str | None) -> Any:
        """GetModelMetadataResponse of a model in service.

        Raises:
            RequestError: NOT_FOUND or INVALID_ARGUMENT.
        """
        with self._models.acquire(name, version, label) as servable:
            return metadata_response(name, servable.version, servable.model)

    async def reload(self, request: Any) -> Any:
        """ReloadConfigResponse, once the new models are loaded and the omitted ones out of service."""
        from tensorflow_serving.apis import model_management_pb2

        before = {name: self._metrics.value(name) for name in request.metric_names}
        error: RequestError | None = None
        if request.config.WhichOneof("config") == "model_config_list":
            try:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._reloads, self._models.reload, request.config)
            except RequestError as refused:
                error = refused
        else:
            error = invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest."
                " Only ModelConfigList is currently supported"
            )
        if error:
            _log.error("ReloadConfig failed: %s", error.message)
            raise error
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = Code.OK.number
        for name, value in before.items():
            response.metric.add(name=name, int64_value_increase=self._metrics.value(name) - value)
        return response

    def stop(self) -> None:
        """Ends the thread; a reload that has not begun is dropped."""
        self._reloads.shutdown(wait=False, cancel_futures=True)
