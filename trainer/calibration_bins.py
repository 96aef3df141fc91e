"""How often impressions were clicked, by score: what a served score's confidence is read from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MAX_BINS = 20
MIN_ROWS = 100
"""Of a bin: fewer say little of a click rate."""


class CalibrationBins(NamedTuple):
    """A score lies in the bin whose number is the count of upper bounds below the score."""

    score_upper_bounds: npt.NDArray[np.float32]
    """Ascending, [bins - 1]; a score that equals one lies below it, the last bin has none."""
    impressions: npt.NDArray[np.float32]
    """Sum of the rows' weights, [bins]; with thinned negatives as many as the click rate is as sure as."""
    clicks: npt.NDArray[np.float32]
    """Sum of the clicked rows' weights, [bins]; with thinned negatives the click rate of all times `impressions`."""


def calibration_bins(
    scores: npt.NDArray[np.float32],
    label: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    max_bins: int = MAX_BINS,
    min_rows: int = MIN_ROWS,
    kept_share: float = 1.0,
) -> CalibrationBins:
    """scores, label, weight: [rows], of rows that the model was not fitted on.

    `kept_share`: of the impressions without a click, where the rows hold only some, in (0, 1]. Of k clicks and m others
    in a bin, these stand for N = k + m / w impressions. Their click rate r = k / N has the relative variance
    (1 − r)² (1/k + 1/m), as that of w N² / (k + m) impressions that were all kept: the bin is said to have so many.

    At most `max_bins` bins of about equally many rows, each of at least `min_rows` where there are as many; rows of
    one score are never divided. No rows make one bin without impressions.
    """
    ordered = np.sort(scores)
    wanted = max(min_rows, -(-len(ordered) // max_bins))
    bounds: list[np.float32] = []
    end = 0
    while len(ordered) - end >= 2 * wanted:
        bound = ordered[end + wanted - 1]
        end = int(np.searchsorted(ordered, bound, side="right"))
        if len(ordered) - end >= wanted:
            bounds.append(bound)
    upper = np.asarray(bounds, np.float32)
    number = np.searchsorted(upper, scores, side="left")

    def summed(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.bincount(number, values, minlength=len(upper) + 1).astype(np.float64)

    rows, clicks = summed(weight), summed(weight * label)
    all_impressions = clicks + (rows - clicks) / kept_share
    # What the impressions count for each of them: 1 where all were kept.
    worth = np.divide(kept_share * all_impressions, rows, out=np.ones_like(rows), where=rows > 0)
    return CalibrationBins(upper, (all_impressions * worth).astype(np.float32), (clicks * worth).astype(np.float32))
