"""One bound of the gate, with its numbers."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

State = Literal["held", "failed", "unclear"]
HELD: State = "held"
FAILED: State = "failed"
UNCLEAR: State = "unclear"
UNDEFINED = "(undefined: the rows have one class only)"


class Bound(NamedTuple):
    """What was compared with what, and what came of it."""

    name: str
    value: float | None
    relation: Literal["≥", "≤"]
    bound: float
    state: State
    """`unclear`: the interval holds the bound, so that the rows show neither that it holds nor that it does not."""
    held: bool
    """Whether it leaves the blessing alone."""
    low: float | None = None
    high: float | None = None
    """Interval of the value, where there is one."""
    p_value: float | None = None
    """Of a regression: adjusted for the number of slices."""
    slice: str | None = None
    rows: int | None = None
    clicks: int | None = None
    """Of the slice: rows with a click."""
    note: str = ""

    def title(self) -> str:
        """The name, with the slice."""
        return f"{self.name} in {self.slice}" if self.slice else self.name

    def reason(self) -> str:
        """Why it blocks, in one line."""
        if self.value is None:
            return f"{self.title()} {UNDEFINED} is not {self.relation} {self.bound:.4g}"
        text = f"{self.title()} {self.value:.4f}{self.interval()} is not {self.relation} {self.bound:.4g}"
        if self.state == UNCLEAR:
            text += " for certain; give more eval rows, or set evaluation.when_unclear to pass"
        return f"{text} ({self.note})" if self.note else text

    def interval(self) -> str:
        """` [low, high]`, or nothing."""
        return "" if self.low is None or self.high is None else f" [{self.low:.4f}, {self.high:.4f}]"

    def as_json(self) -> dict[str, Any]:
        """An entry of `bounds`."""
        return self._asdict()
