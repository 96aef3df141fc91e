"""The accepted rows as Arrow columns: what the Examples hold, for components that read every row.

Decoding 300,000 Examples costs four CPU seconds each time they are read, mapping the same columns next to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from adclick.filesystem import join, list_files, open_binary

_FILE = re.compile(r"Split-(?P<split>[^/]+)/span-(?P<span>\d+)-(?P<part>\d+-\d+)\.arrow")


def split_folder(columns_uri: str, split: str) -> str:
    """Folder of a split's files, named as TFX names those of Examples."""
    return join(columns_uri, f"Split-{split}")


def write_columns(batch: pa.RecordBatch, folder_uri: str, span: int, part: str) -> None:
    """Writes one file.

    Columns are lists of at most one value, null where missing, as the Example encoder wants them.
    """
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with (
        open_binary(join(folder_uri, f"span-{span}-{part}.arrow"), mode="wb") as stream,
        pa.ipc.new_file(stream, batch.schema, options=options) as writer,
    ):
        writer.write_batch(batch)


def splits_of(columns_uri: str) -> list[str]:
    """Names of the splits that have files."""
    return sorted({split for split, _, _ in _files(columns_uri)})


def spans_of(columns_uri: str) -> list[int]:
    """Numbers of the spans that have files, oldest first."""
    return sorted({span for _, span, _ in _files(columns_uri)})


def read_columns(columns_uri: str, split: str | None = None, span: int | None = None) -> Iterator[pa.RecordBatch]:
    """Batches in the order in which their rows were read; of one split or span, or of all of them."""
    for own_split, own_span, uri in _files(columns_uri):
        if split in (None, own_split) and span in (None, own_span):
            with open_binary(uri) as stream, pa.ipc.open_file(stream) as reader:
                for index in range(reader.num_record_batches):
                    yield reader.get_batch(index)


def _files(columns_uri: str) -> list[tuple[str, int, str]]:
    """(split, span, URI) of every file, in the order of their blocks."""
    matches = ((_FILE.fullmatch(file.path), file.uri) for file in list_files(columns_uri, _FILE))
    found = sorted((m["part"], m["split"], int(m["span"]), uri) for m, uri in matches if m)
    return [(split, span, uri) for _, split, span, uri in found]
