"""Sends rows to training or evaluation by time, by a key or by a column: never by a hash of the whole record.

With a whole-record hash a redrawn image or a new column would move rows between the splits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from configs.features import FeatureTable
from configs.settings import Split

TRAIN, EVAL = "train", "eval"
_HASH_KEY = "adclick-split-v1"  # 16 characters, fixed for good: another key moves rows between the splits


class SplitRule(NamedTuple):
    """A split with what had to be learnt from the data."""

    split: Split
    cutoff_s: int | None = None
    """Rows at or after this second are for evaluation, with `by: time`."""


def cutoff_second(times: npt.NDArray[np.int64], eval_share: float) -> int:
    """The second at which evaluation starts, so that about `eval_share` of the rows lie at or after it."""
    position = min(int(np.ceil(len(times) * (1.0 - eval_share))), len(times) - 1)
    return int(np.partition(times, position)[position])


def eval_mask(rule: SplitRule, columns: dict[str, pa.Array], table: FeatureTable) -> npt.NDArray[np.bool_]:
    """Which rows are for evaluation. Shape [rows]; a missing time counts as training, a missing key hashes as ''."""
    if rule.split.by == "time":
        timestamp = table.timestamp
        if timestamp is None or rule.cutoff_s is None:
            raise ValueError("a split by time needs a timestamp feature and a cutoff")
        condition = pc.greater_equal(columns[timestamp.name], rule.cutoff_s)
        return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), np.bool_)
    if rule.split.column is None:
        raise ValueError(f"a split by {rule.split.by!r} needs a column")
    key = pc.fill_null(columns[rule.split.column], "")
    if rule.split.by == "column":
        known = pa.array(rule.split.eval_values, pa.string())
        return np.asarray(pc.is_in(key, value_set=known).to_numpy(zero_copy_only=False), np.bool_)
    values = np.asarray(key.to_numpy(zero_copy_only=False), object)
    buckets = pd.util.hash_array(values, hash_key=_HASH_KEY) % np.uint64(10_000)
    return np.asarray(buckets < np.uint64(round(rule.split.eval_share * 10_000)), np.bool_)
