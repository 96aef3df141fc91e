"""Simulated rows for the data plane's benchmark, in a form that stock TFX can read as well.

CsvExampleGen infers types, so times are Unix seconds and every number has a decimal point. The rows come in two files,
train and eval, cut where adclick's own split by time cuts, so that both ways hold the same rows in each split.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from components.example_gen.splitting import cutoff_second
from configs.features import FeatureTable
from simulator.command import USERS_PER_IMPRESSION
from simulator.population import Size
from simulator.simulation import simulate

SIZE = Size(impressions=300_000, creatives=200, months=1, users=48_000, seed=7)
IMAGE_SIZE = Size(impressions=50_000, creatives=2_000, months=1, users=8_000, seed=7)
EVAL_SHARE = 0.2
TABLE = FeatureTable.model_validate(
    [
        {"name": "impression_id", "kind": "key"},
        {"name": "timestamp", "kind": "timestamp", "format": "unix_s"},
        {"name": "user_id", "kind": "hashed", "buckets": 4096},
        {"name": "user_age", "kind": "numeric"},
        {"name": "user_segment", "kind": "categorical"},
        {"name": "user_ctr_30d", "kind": "numeric", "transform": "logit"},
        {"name": "country", "kind": "categorical"},
        {"name": "device", "kind": "categorical"},
        {"name": "site_id", "kind": "categorical"},
        {"name": "position", "kind": "categorical"},
        {"name": "bid_price", "kind": "numeric", "transform": "log"},
        {"name": "image_path", "kind": "image"},
        {"name": "clicked", "kind": "label"},
    ]
)


def write_columns_data(folder: Path, rows: int | None) -> dict[str, Any]:
    """train/rows.csv and eval/rows.csv; returns what was written."""
    return _write(folder, SIZE if rows is None else _sized(SIZE, rows))


def write_image_data(folder: Path, rows: int | None) -> dict[str, Any]:
    """The same, with the creatives below images/."""
    return _write(folder, IMAGE_SIZE if rows is None else _sized(IMAGE_SIZE, rows))


def _sized(size: Size, rows: int) -> Size:
    return Size(rows, size.creatives, size.months, max(20, round(USERS_PER_IMPRESSION * rows)), size.seed)


def _write(folder: Path, size: Size) -> dict[str, Any]:
    simulate(size, folder / "sample")
    source = folder / "sample" / "data"
    table = pd.read_csv(source / "month-1" / "impressions.csv", usecols=[feature.name for feature in TABLE])
    table["timestamp"] = pd.to_datetime(table["timestamp"]).astype("int64") // 10**9
    table["user_age"] = table["user_age"].astype(float)
    evaluated = table["timestamp"] >= cutoff_second(table["timestamp"].to_numpy(), EVAL_SHARE)
    for split, rows in (("train", table[~evaluated]), ("eval", table[evaluated])):
        (folder / split).mkdir()
        rows.to_csv(folder / split / "rows.csv", index=False)
    (source / "images").rename(folder / "images")
    (folder / "table.json").write_text(TABLE.model_dump_json())
    read = sum((folder / split / "rows.csv").stat().st_size for split in ("train", "eval"))
    images = sum(file.stat().st_size for file in (folder / "images").iterdir())
    about = {"rows": len(table), "columns": table.shape[1], "csv_bytes": read, "creatives": size.creatives}
    (folder / "about.json").write_text(json.dumps(about))
    return {**about, "image_bytes": images}
