"""Blocks of rows of either file format: planned once, read by whichever worker gets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.example_gen.cells import Cells
from components.example_gen.csv_blocks import CsvBlock, plan_csv, read_pieces
from components.example_gen.csv_cells import read_csv_cells
from components.example_gen.header_check import check_header
from components.example_gen.parquet_blocks import ParquetBlock, plan_parquet, read_parquet_cells
from components.example_gen.spans import SpanFile
from configs.features import FeatureTable

Block = CsvBlock | ParquetBlock


def plan_blocks(files: Sequence[SpanFile], table: FeatureTable, delimiter: str, block_bytes: int) -> list[Block]:
    """Blocks in file order; those of CSV of about `block_bytes`. Raises DataError for a file that cannot be read."""
    blocks: list[Block] = []
    for file in files:
        if file.path.endswith(".parquet"):
            blocks.extend(plan_parquet(file, table))
        else:
            blocks.extend(plan_csv(file, delimiter, block_bytes))
    return blocks


def unknown_columns(blocks: Sequence[Block], table: FeatureTable, delimiter: str) -> list[str]:
    """Columns that the table does not know, which are left out.

    Raises DataError where one of the table's is missing.
    """
    headers = {block.file.uri: block.header for block in blocks}
    unknown: dict[str, None] = {}
    for uri, header in headers.items():
        unknown.update(dict.fromkeys(check_header(uri, header, table, delimiter)))
    return list(unknown)


def read_cells(block: Block, names: Sequence[str], delimiter: str, piece_bytes: int) -> Iterator[Cells]:
    """The block's cells of the columns `names`, in pieces that fit into memory."""
    if isinstance(block, ParquetBlock):
        yield from read_parquet_cells(block, names)
        return
    for piece in read_pieces(block, delimiter, piece_bytes):
        yield read_csv_cells(piece, block.header, names, delimiter)
