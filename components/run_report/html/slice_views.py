"""A summary's slices as the page shows them: grouped by column, with the place of each number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
Summary = Mapping[str, Any]
KNOWN = "known:"
"""As in components/evaluator/eval_columns.py, which needs what a page can do without."""
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
    difference: Path
    few: bool
    auc: float | None
    baseline_auc: float | None

    def metric(self, model: str, name: str, part: str = "value") -> Path:
        """Path of one figure."""
        return (*(self.candidate if model == "candidate" else self.baseline), name, part)


class SliceGroup(NamedTuple):
    """The slices of one column, or of several crossed."""

    title: str
    slices: list[SliceView]
    """As they stand in the summary."""

    @property
    def best_first(self) -> list[SliceView]:
        """By AUC; those without one last."""
        return sorted(self.slices, key=lambda one: (one.auc is None, -(one.auc or 0.0)))


def slice_groups(summary: Summary) -> list[SliceGroup] | None:
    """None where the summary knows of no slicing at all."""
    if summary.get("slices") is None:
        return None
    groups: dict[str, SliceGroup] = {}
    for index, entry in enumerate(summary["slices"]):
        title = " × ".join(_title(column) for column in entry["slice"])
        at: Path = ("slices", index)
        served = entry.get("baseline")
        view = SliceView(
            " · ".join(_text(value) for value in entry["slice"].values()), at, (*at, "count"), (*at, "clicks"),
            (*at, "candidate"), (*at, "baseline") if served else (),
            (*at, "difference", "auc") if entry.get("difference") else (), entry["clicks"] < FEW_CLICKS,
            entry["candidate"]["auc"]["value"], served["auc"]["value"] if served else None,
        )  # fmt: skip
        groups.setdefault(title, SliceGroup(title, [])).slices.append(view)
    return list(groups.values())


def _title(column: str) -> str:
    """`known:user_id` asks whether the training rows have the value."""
    return f"{column.removeprefix(KNOWN)}, in the training rows or new" if column.startswith(KNOWN) else column


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "(missing)"
