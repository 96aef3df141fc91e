"""Absolute bounds on slices, where the settings ask for them: they hold on the first run too.

A bound fails where a one-sided test refuses that it is reached, Holm-adjusted among the slices of one cut as allowed
regressions are (components/quality_gate/regressions.py): a slice has few clicks, and many slices have bad luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from components.evaluator.intervals import optional
from components.evaluator.measuring import Measured
from components.evaluator.sliced_rows import FloatArray
from components.quality_gate.bounds import FAILED, HELD, UNCLEAR, Bound, State
from components.quality_gate.multiplicity import holm
from components.quality_gate.slices import LeftOut, SliceSizes, slice_sizes
from configs.evaluation import SliceBounds


class _Scale(NamedTuple):
    """Where a metric is about normal."""

    to: Callable[[FloatArray], FloatArray]
    back: Callable[[float], float]
    relative: bool
    """Whether its standard error there is that of the metric over the metric."""


_PLAIN = _Scale(lambda value: value, float, relative=False)
_LOG = _Scale(np.log, lambda value: float(np.exp(value)), relative=True)  # half and twice are equally far off
_Wanted = tuple[str, str, Literal["≥", "≤"], float | None, _Scale]


def slice_floors(
    measured: Sequence[Measured], bounds: SliceBounds, confidence: float
) -> tuple[list[Bound], list[LeftOut]]:
    """`measured`: the slicings. Bounds of each slice that is large enough, and the slices that are not."""
    wanted: list[_Wanted] = [
        ("AUC", "auc", "≥", bounds.min_auc, _PLAIN),
        ("calibration ratio", "calibration_ratio", "≥", bounds.min_calibration_ratio, _LOG),
        ("calibration ratio", "calibration_ratio", "≤", bounds.max_calibration_ratio, _LOG),
    ]
    wanted = [one for one in wanted if one[3] is not None]
    found: list[Bound] = []
    left_out: list[LeftOut] = []
    for one in measured if wanted else ():
        sizes = slice_sizes(one.rows["candidate"], one.slicing.keys)
        left_out += sizes.left_out(bounds)
        large = np.flatnonzero(sizes.decide(bounds))
        for each in wanted if len(large) else ():
            found += _judged(one, each, sizes, large, confidence)
    return found, left_out


def _judged(
    measured: Measured, wanted: _Wanted, sizes: SliceSizes, large: npt.NDArray[np.int64], confidence: float
) -> Iterator[Bound]:
    from scipy.stats import t

    title, name, relation, limit, scale = wanted
    assert limit is not None  # the others were left out
    metric = measured.metrics["candidate"][name]
    value, error = metric.value[large], metric.standard_error[large]
    freedom = np.maximum(measured.rows["candidate"].effective_clicks[large] - 1, 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = scale.to(value)
        spread = error / value if scale.relative else error
        beyond = (scale.to(np.asarray(limit)) - place) * (1 if relation == "≥" else -1)
        distance = np.divide(beyond, spread, out=np.where(beyond > 0, np.inf, -np.inf), where=spread > 0)
    p_value = holm(np.where(np.isnan(distance), 1.0, t.sf(distance, freedom)))
    reach = t.ppf((1 + confidence) / 2, freedom) * spread
    for index, number in enumerate(large.tolist()):
        state: State = HELD if beyond[index] <= 0 else UNCLEAR
        if p_value[index] <= (1 - confidence) / 2:
            state = FAILED
        ends = [optional(place[index] + sign * reach[index]) for sign in (-1, 1)]
        low, high = (None if end is None else scale.back(end) for end in ends)
        yield Bound(
            title,
            optional(value[index]),
            relation,
            limit,
            state,
            state != FAILED,
            low,
            high,
            float(p_value[index]),
            sizes.names[number],
            int(sizes.rows[number]),
            int(sizes.clicks[number]),
        )
