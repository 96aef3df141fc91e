"""What the rows with the highest scores hold: capture and lift at a share of the impressions."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray, SlicedRows, ratio


def capture(rows: SlicedRows, share: float) -> FloatArray:
    """Share of all clicks that lies in the top `share` of the weight by score, [n_slices].

    The cumulative gains of direct marketing (Ling and Li 1998, KDD). Equal scores at the edge count by the part of
    them that fits, the mean over all their orders. NaN without clicks.
    """
    return ratio(rows.total(rows.positive * _inside(rows, share)), rows.positives)


def lift(rows: SlicedRows, share: float) -> FloatArray:
    """Click rate in the top `share` of the weight by score over the overall rate, = capture / share, [n_slices]."""
    return capture(rows, share) / share


def capture_influence(rows: SlicedRows, value: FloatArray, share: float) -> FloatArray:
    """What each row adds to a slice's capture, [rows]: (p (t − K) − c w (t − q)) / P.

    t: part of the row that lies in the top share q; c: click rate at the edge (taken between q/2 and 3q/2), since a
    row more at the top pushes others over the edge.
    """
    ids, top = rows.slice_id, _inside(rows, share)
    upper = min(1.5 * share, 1.0)
    between = rows.total(rows.positive * (_inside(rows, upper) - _inside(rows, 0.5 * share)))
    edge_rate = ratio(between, rows.weights * (upper - 0.5 * share))
    gain = rows.positive * (top - value[ids]) - edge_rate[ids] * rows.weight * (top - share)
    return ratio(gain, rows.positives[ids])


def lift_influence(rows: SlicedRows, value: FloatArray, share: float) -> FloatArray:
    """What each row adds to a slice's lift, [rows]."""
    return capture_influence(rows, value * share, share) / share


def _inside(rows: SlicedRows, share: float) -> FloatArray:
    """Part of each row, 0 to 1, that lies in the top `share` of its slice's weight, [rows]."""
    ties = rows.ties
    weight, slices = ties.total(rows.weight), rows.weights[ties.slice_id]
    above = slices - rows.below(weight, rows.weights) - weight
    part = np.nan_to_num(ratio(share * slices - above, weight))
    return np.clip(part, 0.0, 1.0)[ties.group]
