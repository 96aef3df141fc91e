"""Two runs on one page, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.run_report.evidence import PARTS
from components.run_report.html import drawings
from components.run_report.html.figures import Figures
from components.run_report.html.metrics_table import shown
from components.run_report.html.page import LATER_KEYS, environment, when
from components.run_report.html.slice_views import SliceView, slice_groups
from components.run_report.html.verdict import verdict_view

Summary = Mapping[str, Any]


def render_comparison(a: Summary, b: Summary) -> str:
    """A page of the runs' summaries; of both the candidate is compared, whatever was in service."""
    document = {"a": a, "b": b}
    found = Figures(document)
    whole = {key: {**dict.fromkeys(LATER_KEYS), **one} for key, one in document.items()}
    return str(
        environment().get_template("comparison.html.j2").render(
            runs=whole,
            num=found.num,
            get=found.get,
            verdicts={key: verdict_view(one) for key, one in document.items()},
            whens={key: when(str(one["run_id"])) for key, one in document.items()},
            metrics=shown(a["metrics"] or {}, b["metrics"] or {}),
            models=_models(a, b),
            groups=_slices(a, b),
            nodes=list(dict.fromkeys([*(a.get("component_seconds") or {}), *(b.get("component_seconds") or {})])),
            changed=changed_settings(a.get("settings") or {}, b.get("settings") or {}),
        )
    )  # fmt: skip


def changed_settings(a: Any, b: Any, at: str = "") -> list[tuple[str, Any, Any]]:
    """(dotted name, value in a, value in b) of each setting that differs."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = dict.fromkeys([*a, *b])
        return [one for key in keys for one in changed_settings(a.get(key), b.get(key), f"{at}.{key}" if at else key)]
    return [] if a == b else [(at, a, b)]


def _evidence(summary: Summary, part: str) -> Any:
    return {**dict.fromkeys(PARTS), **(summary.get("evidence") or {})}[part]


def _models(a: Summary, b: Summary) -> drawings.Models:
    named = ((f"B: {b['run_id']}", "candidate", b), (f"A: {a['run_id']}", "baseline", a))
    return [(name, css, _evidence(one, "curves")["candidate"]) for name, css, one in named if _evidence(one, "curves")]


def _slices(a: Summary, b: Summary) -> list[tuple[str, list[tuple[SliceView, SliceView]]]]:
    """By slicing, the slices of the second run that the first one has too, each with its place in either."""
    first = {group.title: {one.name: one for one in group.slices} for group in slice_groups(a) or []}
    return [
        (group.title, [(first[group.title][one.name], one) for one in group.slices if one.name in first[group.title]])
        for group in slice_groups(b) or []
        if group.title in first
    ]
