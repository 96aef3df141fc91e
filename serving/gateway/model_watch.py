"""Whether the model is in service, asked for at intervals: what `/readyz` says."""

from __future__ import annotations

import asyncio
import logging

from serving.gateway.calibration import Calibrations
from serving.gateway.codes import Refusal
from serving.gateway.model_calls import ModelCalls, RowsRefusedError

_PROBE_TIMEOUT_S = 10.0  # a version's first call may be its slowest

_log = logging.getLogger(__name__)


class ModelWatch:
    """Versions in service as of the last poll; new ones have their calibration fetched before they are asked for."""

    def __init__(self, calls: ModelCalls, calibrations: Calibrations, poll_s: float) -> None:
        self._calls, self._calibrations, self._poll_s = calls, calibrations, poll_s
        self.versions: list[int] = []
        self.draining = False
        self.fault: str | None = None
        """Code with which the newest version answers a row without values, None where it answers it."""

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return bool(self.versions) and self.fault is None and not self.draining

    async def run(self) -> None:
        """Polls until cancelled."""
        while True:
            try:
                await self.poll()
            except Exception:  # an answer that nobody foresaw must not end the watch: readiness would stay what it was
                _log.exception("the model's state could not be read")
                self.versions = []
            await asyncio.sleep(self._poll_s)

    async def _probe(self) -> None:
        """A model of another feature table refuses any request: better told before requests come than by each."""
        fault: str | None = None
        try:
            await self._calls.predict([self._calls.missing_row()], _PROBE_TIMEOUT_S)
        except RowsRefusedError:
            fault = "model_incompatible"
        except Refusal as refusal:
            fault = refusal.code
        if fault != self.fault and fault is not None:
            _log.error("the model does not answer a row without values: %s", fault)
        self.fault = fault

    async def poll(self) -> None:
        """Asks once."""
        try:
            versions = await self._calls.versions_in_service(self._poll_s)
        except Refusal:
            versions = []
        if versions and (self.fault is not None or versions != self.versions):
            await self._probe()
        if versions != self.versions:
            _log.info("model versions in service: %s", ", ".join(map(str, versions)) or "none")
        for version in versions:
            if self._calibrations.to_be_asked(version):
                await self._calibrations.fetch(version)
        self.versions = versions
