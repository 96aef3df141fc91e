"""Reads blocks of rows into sharded Examples, columns and counts in which no row is unaccounted for."""

from __future__ import annotations

import collections
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adclick.errors import DataError
from adclick.filesystem import open_binary
from adclick.privacy import key_from_environment
from components.example_gen.blocks import Block, plan_blocks, read_cells, unknown_columns
from components.example_gen.columns import write_columns
from components.example_gen.private_rows import made_private
from components.example_gen.rejects import Reject, write_rejects
from components.example_gen.report import EXAMPLES_TOLD, BlockResult
from components.example_gen.row_parsing import ParsedRows, parse_rows, parse_times
from components.example_gen.spans import SpanInput
from components.example_gen.splitting import EVAL, TRAIN, SplitRule, cutoff_second, eval_mask
from configs.features import INT_KINDS, FeatureTable, holds_floats
from configs.settings import Data

BLOCK_BYTES = 16 << 20


class IngestPlan(NamedTuple):
    """What is to be read, and how rows are split."""

    blocks: list[Block]
    rule: SplitRule
    unknown_columns: list[str]


class Targets(NamedTuple):
    """Where a block's output goes; files are named by the block's index."""

    examples: dict[str, str]
    """Split to folder."""
    columns: dict[str, str]
    """Split to folder."""
    rejects_uri: str


def plan_ingest(source: SpanInput, data: Data, table: FeatureTable) -> IngestPlan:
    """Cuts blocks, holds headers against the table, learns the split's cutoff. Raises DataError."""
    blocks = plan_blocks(source.files, table, data.delimiter, BLOCK_BYTES)
    unknown = unknown_columns(blocks, table, data.delimiter)
    cutoff = None
    if data.split.by == "time" and table.timestamp is not None:
        times = [
            parse_times(cells, table.timestamp)
            for block in blocks
            for cells in read_cells(block, [table.timestamp.name], data.delimiter, BLOCK_BYTES)
        ]
        joined = np.concatenate([np.zeros(0, np.int64), *times])
        if not len(joined):
            raise DataError(
                f"{source.files[0].uri}: no cell of {table.timestamp.name!r} is a time in format "
                f"{table.timestamp.format!r}; correct the format in the feature table"
            )
        cutoff = cutoff_second(joined, data.split.eval_share)
    return IngestPlan(blocks, SplitRule(data.split, cutoff), unknown)


def ingest_block(
    index: int, block: Block, rule: SplitRule, data: Data, table: FeatureTable, targets: Targets
) -> BlockResult:
    """Parses, checks, splits and writes one block, as Examples and as columns."""
    from components.example_gen.example_writing import write_shards

    read = 0
    written = dict.fromkeys(targets.examples, 0)
    rejected: collections.Counter[str] = collections.Counter()
    first_rejects: list[Reject] = []
    creatives: dict[str, tuple[int, int]] = {}
    names = [feature.name for feature in table.written]
    key = next((key_from_environment(name) for name in table.hashed_names), None)
    with open_binary(targets.rejects_uri, mode="wb") as rejects:
        for number, cells in enumerate(read_cells(block, names, data.delimiter, BLOCK_BYTES)):
            rows = made_private(parse_rows(cells, table), table, key)
            read += rows.read
            write_rejects(rejects, block.file.path, rows.rejects)
            rejected.update(reject.code.value for reject in rows.rejects)
            first_rejects.extend(rows.rejects[: EXAMPLES_TOLD - len(first_rejects)])
            _count_creatives(rows, table, creatives)
            for split, batch in _split_batches(rows, rule, table).items():
                part = f"{index:05d}-{number:05d}"
                write_shards(batch, targets.examples[split], f"data_tfrecord-{part}", shard_bytes=data.shard_mb << 20)
                write_columns(batch, targets.columns[split], block.file.span, part)
                written[split] += batch.num_rows
    return BlockResult(block.file.path, read, written, dict(rejected), first_rejects, creatives, targets.rejects_uri)


def _split_batches(rows: ParsedRows, rule: SplitRule, table: FeatureTable) -> dict[str, pa.RecordBatch]:
    """Rows of each split, in the order in which they were read."""
    is_eval = eval_mask(rule, rows.columns, table)
    lists = [_as_lists(rows.columns[feature.name], _value_type(feature)) for feature in table.written]
    batch = pa.RecordBatch.from_arrays(lists, [feature.name for feature in table.written])
    return {split: batch.filter(pa.array(chosen)) for split, chosen in ((TRAIN, ~is_eval), (EVAL, is_eval))}


def _value_type(feature: object) -> pa.DataType:
    if holds_floats(feature):
        return pa.float32()
    return pa.int64() if isinstance(feature, INT_KINDS) else pa.binary()


def _as_lists(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """One-element lists, null where missing, as the Example encoder wants them."""
    valid = np.asarray(values.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    offsets = np.concatenate(([0], np.cumsum(valid))).astype(np.int32)
    nulls = np.append(~valid, False)
    return pa.ListArray.from_arrays(pa.array(offsets, mask=nulls), values.drop_null().cast(kind))


def _count_creatives(rows: ParsedRows, table: FeatureTable, creatives: dict[str, tuple[int, int]]) -> None:
    if table.image is None:
        return
    encoded = rows.columns[table.image.name].dictionary_encode()
    indices: npt.NDArray[Any] = np.asarray(encoded.indices.fill_null(-1))
    shown = np.ones(len(indices))
    if table.aggregated and table.weight is not None:
        shown = np.asarray(rows.columns[table.weight.name].to_numpy(zero_copy_only=False), np.float64)
    counts = np.bincount(indices[indices >= 0], shown[indices >= 0], len(encoded.dictionary))
    first = np.full(len(encoded.dictionary), len(indices), np.int64)
    np.minimum.at(first, indices[indices >= 0], np.flatnonzero(indices >= 0))
    for path, count, row in zip(encoded.dictionary.to_pylist(), counts, first, strict=True):
        seen, line = creatives.get(path, (0, int(rows.lines[row])))
        creatives[path] = (seen + int(count), line)
