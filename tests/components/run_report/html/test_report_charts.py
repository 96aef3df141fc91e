"""Charts: axes, places of points, and what is drawn of which figures."""

from __future__ import annotations

import re
from typing import Any

import pytest

from components.run_report.html import drawings
from components.run_report.html.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Series,
    line_chart,
    spark_histogram,
)
from components.run_report.html.page import models


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis("", 0, 1), [0, 0.25, 0.5, 0.75, 1.0]),
        (Axis("", 0.0, 0.23), [0, 0.1, 0.2]),
        (Axis("", 0.7, 3.3, whole=True), [1, 2, 3]),
        (Axis("", 0.25, 0.28), [0.25, 0.26, 0.27, 0.28]),
    ],
)
def test_ticks_are_round(axis: Axis, ticks: list[float]) -> None:
    assert axis.ticks() == pytest.approx(ticks)


def test_points_stand_where_the_axes_say() -> None:
    """(0, 0) is the lower left corner of the plot, (1, 1) the upper right."""
    drawn = line_chart("t", Axis("x", 0, 1), Axis("y", 0, 1), [Series("s", "candidate", [0, 1], [0, 1])])
    path = re.search(r'class="line candidate" d="M(\S+) (\S+)L(\S+) (\S+)"', drawn)
    assert path
    assert [float(one) for one in path.groups()] == [LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, TOP]


def test_the_sparks_tallest_bar_fills_the_height() -> None:
    drawn = spark_histogram("<age>", [0.2, 0.8], [0.4, 0.6])
    assert 'height="30.0"' in drawn
    assert 'height="7.5"' in drawn
    assert "&lt;age&gt;" in drawn


def test_both_models_are_drawn_and_the_dashed_one_on_top(whole_summary: dict[str, Any]) -> None:
    found = models(whole_summary)
    assert [css for _, css, _ in found] == ["candidate", "baseline"]
    for chart in (
        drawings.reliability_chart, drawings.roc_chart, drawings.gains_chart, drawings.lift_chart,
        drawings.precision_recall_chart,
    ):  # fmt: skip
        drawn = chart(found)
        assert drawn is not None
        assert drawn.index("line candidate") < drawn.index("line baseline")
        assert "nan" not in drawn


def test_rows_of_one_class_are_not_ranked() -> None:
    curves = {"roc": None, "precision_recall": None, "gains": None}
    for chart in (drawings.roc_chart, drawings.precision_recall_chart, drawings.gains_chart, drawings.lift_chart):
        assert chart([("candidate", "candidate", curves)]) is None


def test_the_best_epoch_is_marked() -> None:
    curve = [
        {"epoch": n, "train_log_loss": 0.3, "stopping_log_loss": loss} for n, loss in ((1, 0.3), (2, 0.2), (3, 0.25))
    ]
    drawn = drawings.training_chart(curve)
    assert drawn is not None
    middle = (LEFT + WIDTH - RIGHT) / 2  # epoch 2 of 1 to 3
    assert f'class="reference" x1="{middle:.1f}"' in drawn
    assert drawings.training_chart([]) is None


def test_comparisons_come_by_how_near_their_limit_they_are() -> None:
    """0.1/0.2 = 0.5, 0.3/(0.2 + 0.1) = 1, nothing to compare, and 0 of 0."""
    limits = [(0.1, 0.2, 0.0), (0.3, 0.2, 0.1), (None, 0.2, 0.0), (0.0, 0.0, 0.0)]
    measured = [{"value": value, "threshold": limit, "sampling": sampling} for value, limit, sampling in limits]
    assert drawings.nearest_first(measured) == [2, 1, 0, 3]


def test_orders_and_lengths_of_bars() -> None:
    assert [drawings.above_chance(auc) for auc in (0.4, 0.5, 0.75, 1.0)] == ["0.000", "0.000", "0.500", "1.000"]
    importance = [{"auc_drop": 0.01}, {"auc_drop": 0.04}, {"auc_drop": -0.001}]
    assert drawings.importance_order(importance) == [1, 0, 2]
    assert drawings.share_of_most(0.01, importance) == "0.250"
    assert drawings.share_of_longest(1.0, {"a": 4.0}) == "0.250"
