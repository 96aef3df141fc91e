"""What the canary judges by, as plain figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MAX_DIFFERENCE = 1e-6
"""Between a served and an offline probability; vectorised arithmetic moves the last bit of a float32, about 6e-8."""

Probabilities = npt.NDArray[np.float64]
PASSED, REFUSED, SKIPPED = "passed", "refused", "skipped"


class Check(NamedTuple):
    """One figure against its bound."""

    name: str
    rows: int
    measure: str
    value: float | None
    """None where there is no figure; `detail` says why."""
    bound: float
    unit: str
    held: bool
    detail: str = ""


def answers_check(name: str, offline: Probabilities, answers: Mapping[str, Probabilities | str]) -> Check:
    """Each way of asking against the offline probabilities [rows]; a text in place of an answer is its error."""
    worst, faults = 0.0, []
    for way, answer in {"offline": offline, **answers}.items():
        fault = answer if isinstance(answer, str) else _fault(answer, offline)
        if fault:
            faults.append(f"{way}: {fault}")
        elif not isinstance(answer, str):
            worst = max(worst, float(np.max(np.abs(answer - offline))))
    held = not faults and worst <= MAX_DIFFERENCE
    value = None if faults else worst
    return Check(name, len(offline), "difference", value, MAX_DIFFERENCE, "", held, "; ".join(faults))


def _fault(answer: Probabilities, offline: Probabilities) -> str:
    """Why an answer cannot be compared at all."""
    if answer.shape != offline.shape:
        return f"{answer.size} answers to {offline.size} rows"
    outside = ~((answer >= 0.0) & (answer <= 1.0))  # NaN too
    if outside.any():
        row = int(np.argmax(outside))
        return f"{int(outside.sum())} of {answer.size} answers are no probability, row {row + 1} is {answer[row]}"
    return ""


def latency_check(way: str, measured: float | str, max_p99_ms: float) -> Check:
    """`measured`: the 99th percentile in ms, or what went wrong."""
    if isinstance(measured, str):
        return Check(f"latency over {way}", 1, "p99", None, max_p99_ms, "ms", False, measured)
    return Check(f"latency over {way}", 1, "p99", measured, max_p99_ms, "ms", measured <= max_p99_ms)


def verdict(checks: list[Check]) -> dict[str, Any]:
    """verdict.json of a candidate that was asked."""
    passed = all(check.held for check in checks)
    return {
        "state": PASSED if passed else REFUSED,
        "reason": "",
        "checks": [check._asdict() for check in checks],
    }


def verdict_without_checks(state: str, reason: str) -> dict[str, Any]:
    """verdict.json of a candidate that could not be asked, or need not be."""
    return {"state": state, "reason": reason, "checks": []}
