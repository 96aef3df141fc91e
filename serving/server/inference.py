"""One inference request from body to reply: what gRPC and REST share between reading and writing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from serving.models.registry import Models
from serving.protocol.prepared_call import Outputs, Prepare, PreparedCall
from serving.request_error import Code, RequestError
from serving.server.batch_queue import Waiting
from serving.server.execution import Executor
from serving.server.lease import Lease
from serving.server.memory import MemoryTrim
from serving.server.metrics import Metrics

ModelSpec = tuple[str, int | None, str | None]
"""(name, version, label), as requests name a model."""

LARGE_BODY_BYTES = 256 * 1024  # converting more than this would hold up the event loop
_CONVERTERS = 2

Result = TypeVar("Result")


@dataclass(frozen=True)
class Api:
    """One inference method of one protocol."""

    name: str
    """As metrics have it: Predict, Classify, …"""
    entrypoint: str
    """GRPC or REST."""
    parse: Callable[[bytes], Any]
    """Body to message or JSON object; raises RequestError."""
    prepare: Prepare
    write: Callable[[Any], bytes]
    """The prepared call's reply to the body of the response."""
    counted: bool = True
    """Whether metrics count its requests: the original leaves MultiInference out, and counts its examples instead."""
    latency_name: str = ""
    """As the metric request_latency has it, where that is not `name`: the original's REST API says `predict`."""


class Inference:
    """Answers inference requests on the event loop's thread, large ones with the help of threads."""

    def __init__(self, models: Models, executor: Executor, metrics: Metrics) -> None:
        self._models = models
        self._executor = executor
        self._metrics = metrics
        self._converters = ThreadPoolExecutor(_CONVERTERS, thread_name_prefix="convert")
        self._memory = MemoryTrim(self._converters)

    async def answer(
        self,
        api: Api,
        body: bytes,
        read_spec: Callable[[Any], ModelSpec],
        deadline_s: float | None,
        gone: Callable[[], bool] | None = None,
    ) -> tuple[bytes, int]:
        """(body of the response, version that answered).

        `deadline_s` is of time.monotonic; cancelling the task drops the request.

        Raises:
            RequestError: with the code and message to answer.
        """
        started_s = time.monotonic()
        name = ""
        status = Code.INTERNAL.name
        size_bytes = len(body)
        large = size_bytes > LARGE_BODY_BYTES
        try:
            message = await self._aside(large, api.parse, body)
            del body
            spec = read_spec(message)
            name = spec[0]
            lease = Lease(self._models.acquire(*spec))
            try:
                call: PreparedCall = await self._aside(large, api.prepare, message, lease.servable.model)
                # A thousand objects, while the processor's caches still hold them; after the run they would not.
                del message
                outputs = await self._run(api, name, lease, call, size_bytes, deadline_s, gone)
                version: int = lease.servable.version
                reply = await self._aside(large, lambda: api.write(call.reply(outputs, version)))
            finally:
                lease.release()
            status = Code.OK.name
            if api.counted:
                latency_s = time.monotonic() - started_s
                self._metrics.add_request_latency(name, api.latency_name or api.name, api.entrypoint, latency_s)
            else:
                self._metrics.add_examples(name, len(next(iter(call.works[0].inputs.values()))))
            return reply, version
        except RequestError as error:
            status = error.code.name
            raise
        except asyncio.CancelledError:
            status = Code.CANCELLED.name
            raise
        finally:
            self._memory.note(size_bytes)
            if api.counted:
                self._metrics.count_request(name, status)

    async def _run(
        self,
        api: Api,
        name: str,
        lease: Lease,
        call: PreparedCall,
        size_bytes: int,
        deadline_s: float | None,
        gone: Callable[[], bool] | None,
    ) -> list[Outputs]:
        runs: list[Waiting] = []
        try:
            for work in call.works:
                runs.append(self._executor.submit(lease, work, size_bytes, deadline_s, gone))
            outputs = [await run.future for run in runs]
            for run in runs:
                self._memory.note(0, run.run_s)
        finally:
            for run in runs:
                if not run.future.cancel() and not run.future.cancelled():
                    run.future.exception()  # looked at, or asyncio would log an error that nobody awaited
        if api.counted:
            for run in runs:
                self._metrics.add_runtime_latency(name, api.name, run.run_s)
        return outputs

    async def _aside(self, large: bool, work: Callable[..., Result], *given: Any) -> Result:
        """What `work` makes of `given`; in a thread where the request is large."""
        if not large:
            return work(*given)
        return await asyncio.get_running_loop().run_in_executor(self._converters, work, *given)

    def stop(self) -> None:
        """Ends the threads, after the last request."""
        self._converters.shutdown(wait=False, cancel_futures=True)
