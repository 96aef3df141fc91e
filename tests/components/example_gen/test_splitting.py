"""Which row goes where, and that it stays there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from components.example_gen.splitting import SplitRule, cutoff_second, eval_mask
from configs.features import FeatureTable
from configs.settings import Split

TABLE = FeatureTable.model_validate(
    [
        {"name": "user", "kind": "key"},
        {"name": "time", "kind": "timestamp"},
        {"name": "fold", "kind": "key"},
        {"name": "clicked", "kind": "label"},
    ]
)


@pytest.mark.parametrize(
    ("times", "share", "cutoff", "eval_rows"),
    [
        (range(100, 110), 0.2, 108, 2),  # ceil(10 · 0.8) = 8: the 9th smallest, 108 and 109 are for evaluation
        (range(100, 110), 0.25, 108, 2),  # ceil(7.5) = 8
        (range(100, 110), 0.99, 101, 9),  # ceil(0.1) = 1
        (range(100, 110), 0.001, 109, 1),  # ceil(9.99) = 10, held at the last row: never none
        ([5, 5, 5, 9, 9, 9], 0.2, 9, 3),  # ceil(4.8) = 5: rows of one second stay together
        ([7], 0.5, 7, 1),
    ],
)
def test_the_newest_rows_are_for_evaluation(
    times: list[int] | range, share: float, cutoff: int, eval_rows: int
) -> None:
    values = np.random.default_rng(1).permutation(np.array(times, np.int64))
    assert cutoff_second(values, share) == cutoff
    mask = eval_mask(SplitRule(Split(by="time"), cutoff), {"time": pa.array(values)}, TABLE)
    assert mask.tolist() == [second >= cutoff for second in values.tolist()]
    assert mask.sum() == eval_rows


def test_a_missing_time_is_for_training() -> None:
    columns = {"time": pa.array([1, None, 3], pa.int64())}
    assert eval_mask(SplitRule(Split(by="time"), 2), columns, TABLE).tolist() == [False, False, True]


# Pinned: another hash, key or rounding would move users between the splits of models already in service.
PINNED = {
    "u0000001": False,
    "u0000002": False,
    "u0000003": True,
    "u0000004": False,
    "u0000005": False,
    "zoë": True,
    "": False,
}


def by_user(share: float) -> SplitRule:
    return SplitRule(Split(by="hash", column="user", eval_share=share))


def test_the_hash_sends_a_key_where_it_always_went() -> None:
    columns = {"user": pa.array(list(PINNED))}
    assert dict(zip(PINNED, eval_mask(by_user(0.2), columns, TABLE).tolist(), strict=True)) == PINNED


def test_a_key_keeps_its_side_whatever_rows_are_around_it() -> None:
    users = [f"u{number:07d}" for number in range(10_000)]
    whole = eval_mask(by_user(0.2), {"user": pa.array(users)}, TABLE)
    alone = [bool(eval_mask(by_user(0.2), {"user": pa.array([user])}, TABLE)[0]) for user in users[:50]]
    assert whole[:50].tolist() == alone
    larger = eval_mask(by_user(0.3), {"user": pa.array(users)}, TABLE)
    assert not (whole & ~larger).any()  # a larger share only adds keys
    # 10,000 draws of probability 0.2: mean 2,000, standard deviation √(10,000 · 0.2 · 0.8) = 40
    assert abs(int(whole.sum()) - 2_000) < 4 * 40


def test_a_missing_key_hashes_as_the_empty_text() -> None:
    columns = {"user": pa.array([None, ""], pa.string())}
    assert len(set(eval_mask(by_user(0.5), columns, TABLE).tolist())) == 1


def test_a_column_says_it() -> None:
    rule = SplitRule(Split(by="column", column="fold", eval_values=("test", "valid")))
    columns = {"fold": pa.array(["train", "test", "valid", None, "TEST"])}
    assert eval_mask(rule, columns, TABLE).tolist() == [False, True, True, False, False]


def test_a_rule_without_what_it_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="a split by time needs a timestamp feature and a cutoff"):
        eval_mask(SplitRule(Split(by="time")), {}, TABLE)
