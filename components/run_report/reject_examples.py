"""A few of the rows and images that were refused, as examples for each reason."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from adclick.filesystem import join, open_binary

PER_REASON = 3
MOST_READ = 200_000
"""Lines looked at: a broken month has as many rejects as rows."""
LONGEST_VALUE = 120


def reject_examples(report_uri: str, reasons: Mapping[str, int]) -> list[dict[str, Any]]:
    """Up to PER_REASON rows of rejects.csv for each reason; `reasons`: how many there are of each."""
    wanted = {reason: min(PER_REASON, count) for reason, count in reasons.items() if count}
    return [
        {"file": row["file"], "line": int(row["line"]), "column": row["column"], "value": _cut(row["value"]),
         "reason": row["reason"]}
        for row in _first(join(report_uri, "rejects.csv"), wanted)
    ]  # fmt: skip


def unusable_examples(store_uri: str, reasons: Mapping[str, int]) -> list[dict[str, Any]]:
    """Up to PER_REASON rows of unusable.csv for each reason."""
    wanted = {reason: min(PER_REASON, count) for reason, count in reasons.items() if count}
    return [
        {"path": _cut(row["path"]), "reason": row["reason"], "detail": _cut(row["detail"]),
         "impressions": int(row["impressions"])}
        for row in _first(join(store_uri, "unusable.csv"), wanted)
    ]  # fmt: skip


def _first(uri: str, wanted: Mapping[str, int]) -> Iterable[dict[str, str]]:
    if not wanted:
        return
    left = Counter(wanted)
    with open_binary(uri) as stream, io.TextIOWrapper(stream, "utf-8", newline="") as text:
        for row in itertools.islice(csv.DictReader(text), MOST_READ):
            if left[row["reason"]] > 0:
                left[row["reason"]] -= 1
                yield row
                if not +left:
                    return


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
