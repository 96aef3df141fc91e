"""A volume that every container mounts: deliveries by month, the served folder, what runs leave for each other."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]


def deliver(volume: Path, sample: Path, span: int, month: str, change: Callable[[list[Row]], list[Row]]) -> None:
    """The sample's rows once more, changed and moved to another month (YYYY-MM, of 31 days), as span `span`."""
    with (sample / "data" / "month-1" / "impressions.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    moved = [{**row, "timestamp": month + row["timestamp"][7:]} for row in rows]
    moved = [{**row, "impression_id": f"{row['impression_id']}_{span}"} for row in change(moved)]
    file = volume / "data" / f"month-{span}" / "impressions.csv"
    file.parent.mkdir(parents=True)
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(moved)


def first_deliveries(volume: Path, sample: Path) -> None:
    """Images, span 1 with a fifth of the sample's rows, and span 2: the sample's own file."""
    shutil.copytree(sample / "data" / "images", volume / "data" / "images")
    deliver(volume, sample, 1, "2025-12", lambda rows: rows[::5])
    shutil.copytree(sample / "data" / "month-1", volume / "data" / "month-2")
