"""Drawn click tables that are hard in one way each, with a feature table that nobody tuned.

Most are additive in the logit, which is logistic regression's home ground: what a default model loses there, it loses
by its encodings, its regularisation or its schedule.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from configs.loading import BASE_FILE, load_settings
from configs.settings import Settings

Columns = dict[str, Any]
FloatArray = npt.NDArray[np.float64]
DAYS = 60  # long enough for every hour and weekday to be on both sides of the split
_BASE_COLUMNS = [
    {"name": "site", "kind": "categorical"},
    {"name": "device", "kind": "categorical"},
    {"name": "age", "kind": "numeric"},
    {"name": "spend", "kind": "numeric"},
]


def _base(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray]:
    """200 sites of Zipf-like traffic, 6 devices, a normal and a log-normal number; and their part of the logit."""
    popularity = 1.0 / (1.0 + np.arange(200))
    site = generator.choice(200, rows, p=popularity / popularity.sum())
    device = generator.integers(0, 6, rows)
    age, spend = generator.normal(40.0, 12.0, rows), generator.lognormal(1.0, 1.0, rows)
    logit = generator.normal(0.0, 0.7, 200)[site] + generator.normal(0.0, 0.4, 6)[device]
    logit = logit + 0.4 * (age - 40.0) / 12.0 + 0.4 * (np.log(spend) - 1.0)
    columns = {"site": [f"s{one}" for one in site], "device": [f"d{one}" for one in device], "age": age, "spend": spend}
    return columns, logit


def _plain(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    return *_base(rows, generator), []


def _interaction(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    """The number works one way on some devices and the other way on others."""
    columns, logit = _base(rows, generator)
    sign = np.array([1.0 if one in ("d0", "d1", "d2") else -1.0 for one in columns["device"]])
    return columns, logit + 0.8 * sign * (columns["age"] - 40.0) / 12.0, []


def _nulls(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    """Two columns empty in 80 % of the rows, more often so where clicks are rare."""
    columns, logit = _base(rows, generator)
    there = generator.random(rows) < 0.2
    recency, segment = generator.normal(0.0, 1.0, rows), generator.integers(0, 10, rows)
    effects = generator.normal(0.0, 0.7, 10)
    logit = logit + np.where(there, 0.7 + 0.8 * recency, 0.0)
    known = generator.random(rows) < 0.2
    logit = logit + np.where(known, effects[segment], 0.0)
    columns["recency"] = [value if seen else None for value, seen in zip(recency, there, strict=True)]
    columns["segment"] = [f"g{value}" if seen else None for value, seen in zip(segment, known, strict=True)]
    return columns, logit, [{"name": "recency", "kind": "numeric"}, {"name": "segment", "kind": "categorical"}]


def _ids(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    """A nearly unique id as a vocabulary and as a hash, which say nothing, and users of about six rows, who do."""
    columns, logit = _base(rows, generator)
    users = max(rows // 6, 1)
    user = generator.integers(0, users, rows)
    columns["session"] = [f"x{one}" for one in generator.integers(0, 10 * rows, rows)]
    columns["request"] = [f"r{one}" for one in generator.integers(0, 10 * rows, rows)]
    columns["user"] = [f"u{one}" for one in user]
    extra = [
        {"name": "session", "kind": "categorical"},
        {"name": "request", "kind": "hashed"},
        {"name": "user", "kind": "categorical"},
    ]
    return columns, logit + generator.normal(0.0, 0.9, users)[user], extra


def _integers(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    """Integers over 2^63: ids that tell, and a number whose logarithm does."""
    columns, logit = _base(rows, generator)
    account = generator.integers(0, 80, rows)
    counter = generator.lognormal(46.0, 2.0, rows)
    columns["account"] = [str(2**63 + 12_345 + 7 * int(one)) for one in account]
    columns["counter"] = [str(int(one)) for one in counter]
    extra = [{"name": "account", "kind": "categorical"}, {"name": "counter", "kind": "numeric"}]
    return columns, logit + generator.normal(0.0, 0.8, 80)[account] + 0.3 * (np.log(counter) - 46.0), extra


def _outliers(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    """One cell in five hundred is absurd: a billion, or 1e30."""
    columns, logit = _base(rows, generator)
    for name, absurd in (("age", 1e9), ("spend", 1e30)):
        columns[name] = np.where(generator.random(rows) < 0.002, absurd, columns[name])
    return columns, logit, []


def _wide(rows: int, generator: np.random.Generator) -> tuple[Columns, FloatArray, list[dict[str, Any]]]:
    """Thirty numbers and ten small vocabularies, most of which say nothing."""
    columns, logit = _base(rows, generator)
    extra: list[dict[str, Any]] = []
    for index in range(30):
        columns[f"n{index}"] = generator.normal(0.0, 1.0, rows)
        extra.append({"name": f"n{index}", "kind": "numeric"})
        if index < 5:
            logit = logit + 0.25 * columns[f"n{index}"]
    for index in range(10):
        value = generator.integers(0, 30, rows)
        columns[f"c{index}"] = [f"v{one}" for one in value]
        extra.append({"name": f"c{index}", "kind": "categorical"})
        if index < 2:
            logit = logit + generator.normal(0.0, 0.5, 30)[value]
    return columns, logit, extra


Draw = Callable[[int, np.random.Generator], tuple[Columns, FloatArray, list[dict[str, Any]]]]
SETS: dict[str, tuple[Draw, int, float]] = {
    # name: what it draws, rows, click rate
    "plain": (_plain, 20_000, 0.1),
    "even": (_plain, 10_000, 0.5),
    "few_rows": (_plain, 10_000, 0.03),
    "few_clicks": (_plain, 10_000, 0.005),
    "few_clicks_ids": (_ids, 10_000, 0.005),
    "few_clicks_nulls": (_nulls, 10_000, 0.01),
    "few_clicks_wide": (_wide, 10_000, 0.01),
    "rare": (_plain, 60_000, 0.005),
    "interaction": (_interaction, 20_000, 0.1),
    "nulls": (_nulls, 20_000, 0.1),
    "ids": (_ids, 20_000, 0.1),
    "integers": (_integers, 20_000, 0.1),
    "outliers": (_outliers, 20_000, 0.1),
    "wide": (_wide, 20_000, 0.05),
}


def write_table(name: str, folder: Path, seed: int) -> tuple[Settings, FloatArray]:
    """Writes the set's CSV; returns settings with the defaults of all but data and features, and true probabilities.

    The newest fifth of the rows is for evaluation; the rows are in the order of time. Probabilities: [rows].
    """
    import pandas as pd

    draw, rows, rate = SETS[name]
    generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
    columns, logit, extra = draw(rows, generator)
    low, high = -30.0, 10.0
    for _ in range(60):  # bisection for the base rate
        middle = (low + high) / 2
        low, high = (middle, high) if np.mean(1 / (1 + np.exp(-logit - middle))) < rate else (low, middle)
    probability = 1.0 / (1.0 + np.exp(-logit - low))
    frame = pd.DataFrame(
        {
            "time": 1_700_000_000 + DAYS * 86_400 * np.arange(rows) // rows,
            **columns,
            "clicked": (generator.random(rows) < probability).astype(int),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "rows.csv", index=False)
    features = [
        {"name": "time", "kind": "timestamp", "format": "unix_s", "required": True},
        *_BASE_COLUMNS,
        *extra,
        {"name": "clicked", "kind": "label"},
    ]
    values = load_settings(BASE_FILE).model_dump(by_alias=True)
    values["data"] = {"root": str(folder), "pattern": "*.csv"}
    values["evaluation"] = {"slices": [["device"]]}
    values["features"] = features
    return Settings.model_validate(values), probability
