"""Two runs on one page."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from components.run_report.html.comparison import changed_settings, render_comparison
from components.run_report.html.figures import resolve


def test_both_runs_stand_side_by_side_with_their_own_numbers(whole_summary: dict[str, Any]) -> None:
    other = copy.deepcopy(whole_summary)
    other["run_id"] = "20260202T030405.678901Z"
    other["metrics"]["auc"] = 0.4321
    other["settings"]["trainer"]["epochs"] = 3
    text = render_comparison(whole_summary, other)
    document = {"a": whole_summary, "b": other}
    found = re.findall(r'<data value="(.*?)" data-at="(.*?)">', text)
    assert len(found) > 40
    for value, at in found:
        assert json.loads(value) == resolve(document, at)
    assert '<data value="0.4321" data-at="/b/metrics/auc">0.4321</data>' in text
    assert "trainer.<wbr>epochs" in text or "trainer.epochs" in text
    assert not re.search(r"url\(|@import|https?:", text)


def test_a_stopped_run_can_be_compared_too(whole_summary: dict[str, Any], stopped_summary: dict[str, Any]) -> None:
    for pair in (
        (whole_summary, stopped_summary),
        (stopped_summary, whole_summary),
        (stopped_summary, stopped_summary),
    ):
        text = render_comparison(*pair)
        assert "Stopped: nothing was trained and pushed" in text
        assert "The runs have no slices in common." in text


def test_settings_that_differ_are_named() -> None:
    assert changed_settings({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3, "d": None}}) == [("a.c", 2, 3)]
    assert changed_settings({"a": [1]}, {"a": [2]}) == [("a", [1], [2])]
