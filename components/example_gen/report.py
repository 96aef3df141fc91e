"""What an ingest leaves beside the Examples: counts, rejects and the creatives that were named."""

from __future__ import annotations

import collections
import json
import shutil
from collections.abc import Sequence
from typing import Any, NamedTuple

from adclick.errors import DataError
from adclick.filesystem import join, open_binary
from components.example_gen.rejects import REJECT_COLUMNS, Reject, csv_bytes, told
from components.example_gen.spans import SpanInput
from components.example_gen.splitting import EVAL, TRAIN

CREATIVE_COLUMNS = ("path", "impressions", "first_file", "first_line")
EXAMPLES_TOLD = 5


class BlockResult(NamedTuple):
    """Counts of one block. Its rejects lie in a file, since a broken month may have as many as rows."""

    file: str
    read: int
    written: dict[str, int]
    rejected: dict[str, int]
    """By reason."""
    first_rejects: list[Reject]
    creatives: dict[str, tuple[int, int]]
    """Image path to impressions and first line."""
    rejects_uri: str


def write_report(
    results: Sequence[BlockResult],
    source: SpanInput,
    eval_from_s: int | None,
    unknown_columns: Sequence[str],
    report_uri: str,
) -> dict[str, Any]:
    """Writes counts.json, rejects.csv and creatives.csv; returns the counts."""
    reasons: collections.Counter[str] = collections.Counter()
    files: dict[str, dict[str, int]] = {}
    creatives: dict[str, list[Any]] = {}
    for result in results:
        reasons.update(result.rejected)
        entry = files.setdefault(result.file, {"read": 0, "written": 0, "rejected": 0})
        entry["read"] += result.read
        entry["written"] += sum(result.written.values())
        entry["rejected"] += sum(result.rejected.values())
        for path, (count, line) in result.creatives.items():
            creatives.setdefault(path, [0, result.file, line])[0] += count
    counts = {
        "files": files,
        "spans": list(source.spans),
        "span_files": {
            str(span): {
                "version": next(file.version for file in source.files if file.span == span),
                "files": [file.path for file in source.files if file.span == span],
            }
            for span in source.spans
        },
        "rows": {
            "read": sum(entry["read"] for entry in files.values()),
            "written": sum(entry["written"] for entry in files.values()),
            "rejected": dict(sorted(reasons.items())),
        },
        "splits": {split: sum(result.written[split] for result in results) for split in (TRAIN, EVAL)},
        "eval_from_s": eval_from_s,
        "unknown_columns": list(unknown_columns),
    }
    with open_binary(join(report_uri, "rejects.csv"), mode="wb") as stream:
        stream.write(csv_bytes([REJECT_COLUMNS]))
        for result in results:
            with open_binary(result.rejects_uri) as part:
                shutil.copyfileobj(part, stream)
    with open_binary(join(report_uri, "creatives.csv"), mode="wb") as stream:
        stream.write(csv_bytes([CREATIVE_COLUMNS, *([path, *creatives[path]] for path in sorted(creatives))]))
    with open_binary(join(report_uri, "counts.json"), mode="wb") as stream:
        stream.write(json.dumps(counts, indent=1).encode())
    return counts


def require_usable(counts: dict[str, Any], results: Sequence[BlockResult], min_rows: int) -> None:
    """Raises DataError where too little is left to train and evaluate on, with the first rejects as examples."""
    written = counts["rows"]["written"]
    empty = [split for split, rows in counts["splits"].items() if not rows]
    if written >= min_rows and not empty:
        return
    reasons = (
        ", ".join(f"{reason}: {count}" for reason, count in counts["rows"]["rejected"].items()) or "no row rejected"
    )
    first = [told(result.file, reject) for result in results for reject in result.first_rejects][:EXAMPLES_TOLD]
    problem = f"no rows for {' and '.join(empty)}" if empty else f"fewer than data.limits.min_rows = {min_rows}"
    examples = "".join(f"\n  {text}" for text in first)
    raise DataError(
        f"{', '.join(counts['files'])}: {written} of {counts['rows']['read']} rows usable: {problem} ({reasons}). "
        f"Correct the files, the feature table or data.split{examples}"
    )
