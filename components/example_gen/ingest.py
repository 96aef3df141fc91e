"""Reads blocks of CSV into sharded Examples and a report in which no row is unaccounted for."""

from __future__ import annotations

import collections
import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adclick.errors import DataError
from adclick.filesystem import join, open_binary
from components.example_gen.columns import write_columns
from components.example_gen.csv_blocks import CsvBlock, plan_blocks, read_pieces
from components.example_gen.header_check import check_header
from components.example_gen.row_parsing import ParsedRows, Reject, parse_piece, read_times
from components.example_gen.spans import SpanInput
from components.example_gen.splitting import EVAL, TRAIN, SplitRule, cutoff_second, eval_mask
from configs.features import FLOAT_KINDS, INT_KINDS, FeatureTable
from configs.settings import Data

BLOCK_BYTES = 16 << 20
REJECT_COLUMNS = ("file", "line", "column", "value", "reason")
CREATIVE_COLUMNS = ("path", "impressions", "first_file", "first_line")


class IngestPlan(NamedTuple):
    """What is to be read, and how rows are split."""

    blocks: list[CsvBlock]
    rule: SplitRule
    unknown_columns: list[str]


class BlockResult(NamedTuple):
    """Counts of one block; rejects and creatives are small beside the rows."""

    file: str
    read: int
    written: dict[str, int]
    rejects: list[Reject]
    creatives: dict[str, tuple[int, int]]
    """Image path to impressions and first line."""


def plan_ingest(source: SpanInput, data: Data, table: FeatureTable) -> IngestPlan:
    """Holds headers against the table, cuts blocks, learns the split's cutoff. Raises DataError."""
    spans = {file.uri: span for file, span in zip(source.files, source.file_spans, strict=True)}
    blocks = [
        block._replace(span=spans[block.file.uri]) for block in plan_blocks(source.files, data.delimiter, BLOCK_BYTES)
    ]
    unknown: dict[str, None] = {}
    for uri, header in {block.file.uri: block.header for block in blocks}.items():
        unknown.update(dict.fromkeys(check_header(uri, header, table)))
    cutoff = None
    if data.split.by == "time" and table.timestamp is not None:
        times = [
            read_times(piece, block.header, table.timestamp, data.delimiter)
            for block in blocks
            for piece in read_pieces(block, BLOCK_BYTES)
        ]
        joined = np.concatenate([np.zeros(0, np.int64), *times])
        if not len(joined):
            raise DataError(
                f"{source.files[0].uri}: no cell of {table.timestamp.name!r} is a time in format "
                f"{table.timestamp.format!r}; correct the format in the feature table"
            )
        cutoff = cutoff_second(joined, data.split.eval_share)
    return IngestPlan(blocks, SplitRule(data.split, cutoff), list(unknown))


def ingest_block(
    index: int,
    block: CsvBlock,
    rule: SplitRule,
    data: Data,
    table: FeatureTable,
    split_uris: dict[str, str],
    columns_uris: dict[str, str],
) -> BlockResult:
    """Parses, checks, splits and writes one block, as Examples and as columns; files are named by the block's index."""
    from components.example_gen.example_writing import write_shards

    read, rejects = 0, []
    written = dict.fromkeys(split_uris, 0)
    creatives: dict[str, tuple[int, int]] = {}
    for number, piece in enumerate(read_pieces(block, BLOCK_BYTES)):
        try:
            rows = parse_piece(piece, block.header, table, data.delimiter)
        except DataError as error:
            raise DataError(f"{block.file.uri}: {error}") from None
        read += rows.read
        rejects.extend(rows.rejects)
        _count_creatives(rows, table, creatives)
        is_eval = eval_mask(rule, rows.columns, table)
        lists = {feature.name: _as_lists(rows.columns[feature.name], _value_type(feature)) for feature in table.written}
        for split, chosen in ((TRAIN, ~is_eval), (EVAL, is_eval)):
            batch = pa.RecordBatch.from_arrays(list(lists.values()), list(lists)).filter(pa.array(chosen))
            part = f"{index:05d}-{number:05d}"
            write_shards(batch, split_uris[split], f"data_tfrecord-{part}", shard_bytes=data.shard_mb << 20)
            write_columns(batch, columns_uris[split], block.span, part)
            written[split] += batch.num_rows
    return BlockResult(block.file.path, read, written, rejects, creatives)


def _value_type(feature: object) -> pa.DataType:
    if isinstance(feature, FLOAT_KINDS):
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
    counts = np.bincount(indices[indices >= 0], minlength=len(encoded.dictionary))
    first = np.full(len(encoded.dictionary), len(indices), np.int64)
    np.minimum.at(first, indices[indices >= 0], np.flatnonzero(indices >= 0))
    for path, count, row in zip(encoded.dictionary.to_pylist(), counts, first, strict=True):
        seen, line = creatives.get(path, (0, int(rows.lines[row])))
        creatives[path] = (seen + int(count), line)


def write_report(
    results: Sequence[BlockResult], plan: IngestPlan, source: SpanInput, report_uri: str
) -> dict[str, Any]:
    """Writes counts.json, rejects.csv and creatives.csv; returns the counts."""
    reasons = collections.Counter(reject.code.value for result in results for reject in result.rejects)
    files: dict[str, dict[str, int]] = {}
    creatives: dict[str, list[Any]] = {}
    for result in results:
        entry = files.setdefault(result.file, {"read": 0, "written": 0, "rejected": 0})
        entry["read"] += result.read
        entry["written"] += sum(result.written.values())
        entry["rejected"] += len(result.rejects)
        for path, (count, line) in result.creatives.items():
            creatives.setdefault(path, [0, result.file, line])[0] += count
    counts = {
        "files": files,
        "spans": list(source.spans),
        "rows": {
            "read": sum(entry["read"] for entry in files.values()),
            "written": sum(entry["written"] for entry in files.values()),
            "rejected": dict(sorted(reasons.items())),
        },
        "splits": {split: sum(result.written[split] for result in results) for split in (TRAIN, EVAL)},
        "eval_from_s": plan.rule.cutoff_s,
        "unknown_columns": plan.unknown_columns,
    }
    _write_csv(
        join(report_uri, "rejects.csv"),
        REJECT_COLUMNS,
        ((r.file, x.line, x.column, x.value, x.code.value) for r in results for x in r.rejects),
    )
    _write_csv(
        join(report_uri, "creatives.csv"),
        CREATIVE_COLUMNS,
        ([path, *creatives[path]] for path in sorted(creatives)),
    )
    with open_binary(join(report_uri, "counts.json"), mode="wb") as stream:
        stream.write(json.dumps(counts, indent=1).encode())
    return counts


def _write_csv(uri: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open_binary(uri, mode="wb") as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def require_usable(counts: dict[str, Any], rejects: Iterable[tuple[str, Reject]], min_rows: int) -> None:
    """Raises DataError where too little is left to train and evaluate on, with the first rejects as examples."""
    written = counts["rows"]["written"]
    empty = [split for split, rows in counts["splits"].items() if not rows]
    if written >= min_rows and not empty:
        return
    reasons = (
        ", ".join(f"{reason}: {count}" for reason, count in counts["rows"]["rejected"].items()) or "no row rejected"
    )
    examples = "".join(
        f"\n  {file}: line {reject.line}: {reject.column or 'row'} = {reject.value!r}: {reject.code.value}"
        for file, reject in list(rejects)[:5]
    )
    problem = f"no rows for {' and '.join(empty)}" if empty else f"fewer than data.limits.min_rows = {min_rows}"
    raise DataError(
        f"{', '.join(counts['files'])}: {written} of {counts['rows']['read']} rows usable: {problem} ({reasons}). "
        f"Correct the files, the feature table or data.split{examples}"
    )
