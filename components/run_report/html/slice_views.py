"""A summary's slices as the page shows them: grouped by column, with the place of each number.

The evaluator's own slices, which have intervals, stand in `slices`; without them those of the evidence do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
Summary = Mapping[str, Any]
FEW_CLICKS = 30
"""A slice with fewer is shown as one whose AUC may be luck: its standard error is about 0.5 / √(3 clicks)."""


class SliceView(NamedTuple):
    """One slice. Paths lead to numbers of the summary; () to none."""

    name: str
    at: Path
    rows: Path
    clicks: Path
    candidate: Path
    baseline: Path
    """() without a model in service."""
    inner: Path
    """What follows a metric's name on the way to its value."""
    difference: Path
    few: bool
    auc: float | None
    baseline_auc: float | None

    def metric(self, model: str, name: str, part: str = "value") -> Path:
        """Path of one figure."""
        start = self.candidate if model == "candidate" else self.baseline
        if self.inner:
            return (*start, name, part)
        return (*start, name if part == "value" else f"{name}_{part}")


class SliceGroup(NamedTuple):
    """The slices of one column, or of several crossed."""

    title: str
    slices: list[SliceView]
    """As they stand in the summary."""
    left_out: Path

    @property
    def best_first(self) -> list[SliceView]:
        """By AUC; those without one last."""
        return sorted(self.slices, key=lambda one: (one.auc is None, -(one.auc or 0.0)))


def slice_groups(summary: Summary) -> list[SliceGroup] | None:
    """None where the summary knows of no slicing at all."""
    if summary.get("slices") is not None:
        return _measured(summary["slices"])
    found = (summary.get("evidence") or {}).get("slices")
    return None if found is None else [_figured(one, index) for index, one in enumerate(found)]


def _measured(entries: list[dict[str, Any]]) -> list[SliceGroup]:
    groups: dict[str, SliceGroup] = {}
    for index, entry in enumerate(entries):
        title = " × ".join(entry["slice"])
        at: Path = ("slices", index)
        served = entry.get("baseline")
        view = SliceView(
            " · ".join(_text(value) for value in entry["slice"].values()), at, (*at, "count"), (*at, "clicks"),
            (*at, "candidate"), (*at, "baseline") if served else (), ("value",),
            (*at, "difference", "auc") if entry.get("difference") else (), entry["clicks"] < FEW_CLICKS,
            entry["candidate"]["auc"]["value"], served["auc"]["value"] if served else None,
        )  # fmt: skip
        groups.setdefault(title, SliceGroup(title, [], ())).slices.append(view)
    return list(groups.values())


def _figured(slicing: dict[str, Any], number: int) -> SliceGroup:
    views = []
    for index, entry in enumerate(slicing["slices"]):
        at: Path = ("evidence", "slices", number, "slices", index)
        served = entry["baseline"]
        views.append(
            SliceView(
                _text(entry["value"]), at, (*at, "rows"), (*at, "clicks"), (*at, "metrics"),
                (*at, "baseline") if served else (), (), (), entry["clicks"] < FEW_CLICKS,
                entry["metrics"]["auc"], served["auc"] if served else None,
            )
        )  # fmt: skip
    left_out: Path = ("evidence", "slices", number, "left_out") if slicing["left_out"] else ()
    return SliceGroup(" × ".join(slicing["columns"]), views, left_out)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "(missing)"
