"""The gateway's parts put together, and its life: from bound socket to drained."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from adclick.errors import SettingsError
from configs.gateway_loading import LoadedGateway
from serving.gateway.app import make_app
from serving.gateway.calibration import Calibrations
from serving.gateway.enrichment import Enricher, EntryStore
from serving.gateway.image_bytes import image_limits
from serving.gateway.image_fetch import ImageFetcher
from serving.gateway.memory_store import filled_store
from serving.gateway.metrics import Metrics, Reading
from serving.gateway.model_calls import ModelCalls
from serving.gateway.model_watch import ModelWatch
from serving.gateway.predict_endpoint import PredictEndpoint
from serving.gateway.prediction_flow import PredictionFlow
from serving.gateway.rate_limit import RateLimiter
from serving.gateway.redis_store import RedisStore
from serving.gateway.request_log import RequestLogger
from serving.gateway.row_checks import RowChecks
from serving.gateway.tokens import TokenVerifier
from serving.server.http_protocol import BoundedHttpProtocol

_BACKLOG = 2048
_LAST_REQUESTS_S = 0.3  # for requests on their way when listening ended; uvicorn closes what looks idle at once
_log = logging.getLogger(__name__)


class Gateway:
    """All parts, made from settings. To be made and run on one event loop."""

    def __init__(self, loaded: LoadedGateway) -> None:
        """Raises SettingsError for keys, secrets or files that cannot be used."""
        settings, table, folder = loaded.gateway, loaded.settings.features, loaded.folder
        limits = image_limits(loaded.settings.creatives, settings.images)
        key_fields = tuple(dict.fromkeys(kind.key for kind in settings.enrichment.kinds.values()))
        tokens = TokenVerifier(settings.jwt, folder)
        checks = RowChecks(table, settings.limits, limits, settings.optional_fields, key_fields)
        self._store: EntryStore = (
            RedisStore(settings.enrichment)
            if settings.enrichment.store == "redis"
            else filled_store(settings.enrichment, table, checks, folder)
        )
        self._enricher = Enricher(settings.enrichment, checks, self._store)
        self._fetcher = _fetcher(loaded) if table.image is not None and settings.images.urls.hosts else None
        self._logger = _logger(loaded, checks)
        self._calls = ModelCalls(settings.upstream, checks.inputs)
        calibrations = Calibrations(self._calls)
        self.watch = ModelWatch(self._calls, calibrations, settings.upstream.poll_s)
        self._limiter = RateLimiter(settings.rate_limit)
        self._flow = PredictionFlow(
            settings, checks, self._calls, calibrations, self._enricher, self._fetcher, self._logger
        )
        metrics = Metrics()
        metrics.add_readings(self._readings())
        self.predict = PredictEndpoint(settings, tokens, self._limiter, self._flow, metrics)
        self.app = make_app(loaded, self.predict, tokens, self._limiter, self.watch, metrics, self._enricher)

    def _readings(self) -> list[Reading]:
        flow, calls, enricher, logger = self._flow, self._calls, self._enricher, self._logger
        readings = [
            Reading("ready", "1 where the model is in service.", False, lambda: float(self.watch.ready)),
            Reading("waiting_rows", "Rows that wait for their call to the model.", False,
                    lambda: flow.plain_lane.waiting_rows + flow.image_lane.waiting_rows),
            Reading("requests_in_progress", "Predict requests under way.", False, lambda: self.predict.in_progress),
            Reading("rate_limit_buckets", "Clients with a token bucket.", False, lambda: len(self._limiter)),
            Reading("upstream_retries", "Calls to the model that were made again.", True, lambda: calls.retries),
            Reading("enrichment_hits", "Keys found.", True, lambda: enricher.hits),
            Reading("enrichment_misses", "Keys not found.", True, lambda: enricher.misses),
            Reading("enrichment_outages", "Requests without enrichment, as its store was out.", True,
                    lambda: enricher.outages),
            Reading("enrichment_bad_values", "Stored values that the field does not take.", True,
                    lambda: enricher.bad_values),
        ]  # fmt: skip
        if logger is not None:
            readings += [
                Reading("log_records_written", "Requests in whole files of the log.", True, lambda: logger.written),
                Reading("log_records_dropped", "Drawn requests lost, as the disk was too slow or full.", True,
                        lambda: logger.dropped),
                Reading("log_files_failed", "Log files that could not be written.", True, lambda: logger.failed),
            ]  # fmt: skip
        return readings

    async def close(self) -> None:
        """Ends all parts; the request log is written out."""
        if self._logger is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._logger.stop)
        if self._fetcher is not None:
            await self._fetcher.close()
        await self._store.close()
        await self._calls.close()


def _fetcher(loaded: LoadedGateway) -> ImageFetcher:
    limits = image_limits(loaded.settings.creatives, loaded.gateway.images)
    try:
        return ImageFetcher(loaded.gateway.images.urls, limits, loaded.folder)
    except OSError as error:
        raise SettingsError(f"images.urls.ca_file: cannot be used: {error.strerror or error}") from None


def _logger(loaded: LoadedGateway, checks: RowChecks) -> RequestLogger | None:
    settings = loaded.gateway.request_log
    if settings.folder is None:
        return None
    folder = loaded.folder / settings.folder
    model_name = loaded.gateway.upstream.model_name
    try:
        logger = RequestLogger(settings, folder, model_name, checks.inputs, checks.image_place)
    except OSError as error:
        raise SettingsError(f"request_log.folder: {folder} cannot be written: {error.strerror or error}") from None
    logger.start()
    return logger


class _Server(uvicorn.Server):
    """Leaves signals to the gateway: health fails first, and listening goes on for a while."""

    def __init__(self, config: uvicorn.Config, on_signal: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_signal = on_signal

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's own signature)
        """The first signal drains, the second one ends at once."""
        signal.signal(sig, signal.SIG_DFL)
        self._on_signal()


async def run_gateway(loaded: LoadedGateway, listener: socket.socket, say: Callable[[str], None]) -> None:
    """Serves on a bound socket until SIGTERM or SIGINT, then drains. Raises SettingsError before it listens."""
    settings = loaded.gateway.listen
    gateway = Gateway(loaded)
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(
        gateway.app,
        http=BoundedHttpProtocol,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        backlog=_BACKLOG,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )

    def on_signal() -> None:
        loop.call_soon_threadsafe(drain)

    def drain() -> None:
        gateway.watch.draining = gateway.predict.draining = True
        loop.call_later(settings.drain_delay_s, stop_listening)

    def stop_listening() -> None:
        for listening in server.servers:
            listening.close()
        loop.call_later(_LAST_REQUESTS_S, stop)

    def stop() -> None:
        server.should_exit = True

    server = _Server(config, on_signal)
    watching = loop.create_task(gateway.watch.run())
    listener.listen(_BACKLOG)  # before it is said: who connects at once waits the milliseconds until uvicorn accepts
    host, port = listener.getsockname()[:2]
    say(f"adclick gateway: listening on {host}:{port}, model server {loaded.gateway.upstream.server}")
    try:
        await server.serve(sockets=[listener])
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await gateway.close()
