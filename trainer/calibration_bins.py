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
    """Sum of the rows' weights, [bins]."""
    clicks: npt.NDArray[np.float32]
    """Sum of the clicked rows' weights, [bins]."""


def calibration_bins(
    scores: npt.NDArray[np.float32],
    label: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    max_bins: int = MAX_BINS,
    min_rows: int = MIN_ROWS,
) -> CalibrationBins:
    """scores, label, weight: [rows], of rows that the model was not fitted on.

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

    def summed(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.bincount(number, values, minlength=len(upper) + 1).astype(np.float32)

    return CalibrationBins(upper, summed(weight), summed(weight * label))
