"""Batch sizes follow from the data, not from the clock."""

from __future__ import annotations

from tfx_bsl.coders import batch_util

from pipeline.steady_batches import use_steady_batches


def test_batches_are_cut_by_bytes_once_told() -> None:
    use_steady_batches()
    options = batch_util.GetBatchElementsKwargs(None)
    assert options["min_batch_size"] == options["max_batch_size"] == 20 << 20
    # 20 MiB in records that count for at least 2,560 bytes each: 8,192 rows of short records a batch
    assert 20 * 2**20 / options["element_size_fn"](b"short") == 8192
