"""How often rows with such a score were clicked when the model was evaluated, with an interval."""

from __future__ import annotations

import asyncio
import bisect
import logging
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from components.evaluator.wilson import wilson_interval
from serving.gateway.codes import Refusal
from serving.gateway.model_calls import ModelCalls, RowsRefusedError

_MAX_VERSIONS = 16
_FETCH_TIMEOUT_S = 1.0
_PAUSE_S = 1.0
_REFUSED_PAUSE_S = 60.0

_log = logging.getLogger(__name__)

Confidence = Mapping[str, float]


class Looked(NamedTuple):
    """Confidence of a score, or why there is none."""

    confidence: Confidence | None
    reason: str | None


NOT_IN_MODEL = Looked(None, "model_has_no_calibration")
EMPTY_BIN = Looked(None, "no_impressions_with_such_a_score")
UNAVAILABLE = Looked(None, "calibration_unavailable")


class CalibrationBins:
    """Bins of scores: bin i takes scores above bound i - 1 and up to bound i, the last one all above."""

    def __init__(
        self, score_upper_bounds: Sequence[float], impressions: Sequence[float], clicks: Sequence[float]
    ) -> None:
        """Raises ValueError where lengths, order or counts contradict each other."""
        if not len(impressions) == len(clicks) == len(score_upper_bounds) + 1:
            raise ValueError("lengths are not bins - 1, bins and bins")
        if list(score_upper_bounds) != sorted(score_upper_bounds):
            raise ValueError("score_upper_bounds do not ascend")
        if not all(0 <= c <= n < math.inf for c, n in zip(clicks, impressions, strict=True)):
            raise ValueError("clicks are not between 0 and impressions")
        self._bounds = list(score_upper_bounds)
        self._looked = [_looked(c, n) for c, n in zip(clicks, impressions, strict=True)]

    def look_up(self, score: float) -> Looked:
        """The confidence of a score."""
        return self._looked[bisect.bisect_left(self._bounds, score)]


def _looked(clicks: float, impressions: float) -> Looked:
    if impressions == 0:
        return EMPTY_BIN
    low, high = wilson_interval(clicks, impressions)
    confidence = {
        "observed_click_rate": clicks / impressions,
        "low": low,
        "high": high,
        "impressions": impressions,
    }
    return Looked(confidence, None)


class Calibrations:
    """Bins by model version, asked for once each.

    A server that gives them no answer is left alone for a second; one that refuses the call for a minute: TensorFlow
    Serving does while it batches, as the signature has no inputs (tensorflow_serving/batching/batching_util.h).
    """

    def __init__(self, calls: ModelCalls) -> None:
        self._calls = calls
        self._bins: OrderedDict[int, CalibrationBins | None] = OrderedDict()  # None: the version has none
        self._asked: dict[int, asyncio.Task[None]] = {}
        self._paused_until_s: OrderedDict[int, float] = OrderedDict()  # by the loop's clock

    def unheard_of(self, version: int) -> bool:
        """Whether the version has never been asked: the only time that a request waits for its bins."""
        return version not in self._bins and version not in self._paused_until_s

    def to_be_asked(self, version: int) -> bool:
        """Whether neither the version's bins nor that it has none are known, and asking for them may help."""
        if version in self._bins:
            return False
        return asyncio.get_running_loop().time() >= self._paused_until_s.get(version, -math.inf)

    def look_up(self, version: int, score: float) -> Looked:
        """The confidence of a version's score."""
        if version not in self._bins:
            return UNAVAILABLE
        bins = self._bins[version]
        return NOT_IN_MODEL if bins is None else bins.look_up(score)

    async def fetch(self, version: int, timeout_s: float = _FETCH_TIMEOUT_S) -> None:
        """Asks for a version's bins; who asks meanwhile waits for the same answer. Never raises for want of them."""
        task = self._asked.get(version)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(version))
            self._asked[version] = task
            task.add_done_callback(lambda _: self._asked.pop(version, None))
        await asyncio.wait([task], timeout=max(0.0, timeout_s))  # which leaves the task to the others that wait for it

    async def _ask(self, version: int) -> None:
        try:
            bins: CalibrationBins | None = _read(await self._calls.calibration(version, _FETCH_TIMEOUT_S))
        except RowsRefusedError:
            self._pause(version, _REFUSED_PAUSE_S)
            return
        except Refusal as refusal:
            if refusal.code != "model_incompatible":  # how TF Serving refuses an unknown signature
                self._pause(version, _PAUSE_S)
                return
            bins = None
        except ValueError as error:
            _log.error("the calibration of version %d cannot be used: %s", version, error)
            bins = None
        self._bins[version] = bins
        if len(self._bins) > _MAX_VERSIONS:
            self._bins.popitem(last=False)

    def _pause(self, version: int, pause_s: float) -> None:
        self._paused_until_s[version] = asyncio.get_running_loop().time() + pause_s
        self._paused_until_s.move_to_end(version)
        if len(self._paused_until_s) > _MAX_VERSIONS:
            self._paused_until_s.popitem(last=False)


def _read(outputs: Mapping[str, Sequence[float]]) -> CalibrationBins:
    try:
        return CalibrationBins(outputs["score_upper_bounds"], outputs["impressions"], outputs["clicks"])
    except KeyError as error:
        raise ValueError(f"the signature has no output {error}") from None
