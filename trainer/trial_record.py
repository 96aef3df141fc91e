"""What is known of a search's trials, and the lines that tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from adclick.errors import AdclickError


class TrialRecord(NamedTuple):
    """One trial that ended."""

    trial: int
    """From 1."""
    values: dict[str, Any]
    """Settings by path."""
    own: bool
    """Whether they are the settings' own."""
    log_loss: float | None
    """On the rows set aside, in nats; None for a trial that failed."""
    seconds: float | None
    error: str | None


def best_of(records: Sequence[TrialRecord]) -> TrialRecord:
    """The one with the least log loss, the first of equals. Raises AdclickError where every trial failed."""
    completed = [record for record in records if record.log_loss is not None]
    if not completed:
        first = next((record.error for record in records), "none was made")
        raise AdclickError(
            f"all {len(records)} trials of the tuner failed; the first: {first}; "
            "mend tuner.space, or train without a search (tuner.enabled=false)"
        )
    return min(completed, key=lambda record: record.log_loss or 0.0)


def own_log_loss(records: Sequence[TrialRecord]) -> float | None:
    """Of the trial with the settings' own values, if there is one and it was completed."""
    return next((record.log_loss for record in records if record.own), None)


def trial_line(records: Sequence[TrialRecord], trials: int) -> str:
    """What came of the last trial, and how it compares with those before."""
    last = records[-1]
    values = ", ".join(f"{path} {brief(value)}" for path, value in last.values.items())
    head = f"trial {last.trial}/{trials}: "
    tail = f"{values}{' (the settings’ own)' if last.own else ''}"
    if last.log_loss is None:
        return f"{head}failed: {last.error}; {tail}"
    best = best_of(records)
    place = "the best so far" if best is last else f"best {best.log_loss:.5f} of trial {best.trial}"
    return f"{head}log loss {last.log_loss:.5f} ({place}), {last.seconds:.1f} s; {tail}"


def best_line(records: Sequence[TrialRecord]) -> str:
    """The last line of a search. Raises AdclickError where every trial failed."""
    best, own = best_of(records), own_log_loss(records)
    compared = "" if own is None else f"; the settings’ own have {own:.5f}"
    failed = sum(record.log_loss is None for record in records)
    lost = f"; {failed} of {len(records)} trials failed" if failed else ""
    return f"best: trial {best.trial} with log loss {best.log_loss:.5f}{compared}{lost}"


def brief(value: Any) -> str:
    """Of a setting's value, numbers to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
