"""Which slices decide, and what they are called."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import SlicedRows
from components.quality_gate.slices import LeftOut, slice_name, slice_sizes
from configs.evaluation import SliceBounds

KEYS = ((("x", "a"),), (("x", "b"),), (("x", "c"),), (("x", "d"),))


def test_slices_are_named_by_column_and_value() -> None:
    assert slice_name(()) == ""
    assert slice_name((("device", "phone"), ("place", 2))) == "device=phone, place=2"
    assert slice_name((("age", 30.5), ("site", ""))) == "age=30.5, site=(empty)"


def test_small_slices_and_those_with_one_class_do_not_decide() -> None:
    """a: 6 rows, 2 clicks: large; b: 3 rows; c: 5 rows, 1 click; d: 5 rows, 4 of them clicks."""
    label = np.array([1.0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    ids = np.repeat([0, 1, 2, 3], [6, 3, 5, 5])
    rows = SlicedRows.sort(label, np.linspace(0.9, 0.1, 19), None, ids, 4)
    sizes, limits = slice_sizes(rows, KEYS), SliceBounds(min_rows=5, min_clicks=2)
    assert sizes.decide(limits).tolist() == [True, False, False, False]
    assert list(sizes.left_out(limits)) == [
        LeftOut("x=b", 3, 2, "3 rows, fewer than 5"),
        LeftOut("x=c", 5, 1, "1 rows with a click, fewer than 2"),
        LeftOut("x=d", 5, 4, "1 rows without a click, fewer than 2"),
    ]


def test_rows_that_weigh_nothing_and_rows_of_no_slice_do_not_count() -> None:
    label, weight = np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 1, 1])
    sizes = slice_sizes(SlicedRows.sort(label, label / 2, weight, np.array([0, 0, 0, -1]), 1), KEYS[:1])
    assert (sizes.rows.tolist(), sizes.clicks.tolist(), sizes.others.tolist()) == ([2], [1], [1])


def test_an_aggregated_row_has_both() -> None:
    sizes = slice_sizes(SlicedRows.sort(np.array([0.3, 1]), np.array([0.2, 0.1])), ((),))
    assert (sizes.clicks.tolist(), sizes.others.tolist()) == ([2], [1])
