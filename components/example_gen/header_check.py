"""Holds a file's header against the feature table."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from adclick.errors import DataError
from adclick.privacy import WITHHELD
from configs.features import FeatureTable

USUAL_DELIMITERS = (",", ";", "\t", "|")


def check_header(uri: str, header: Sequence[str], table: FeatureTable, delimiter: str = ",") -> list[str]:
    """Columns of the header that the table does not know, which are left out.

    Raises DataError for a column that stands twice, and naming each column of the table that the header lacks and the
    likeliest new name, or the likeliest delimiter.
    """
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(
            f"{uri}: line 1: column {_told(repeated[0], table)!r} stands twice in the header; rename one of them"
        )
    unknown = [name for name in header if name not in table]
    missing = [feature for feature in table.written if feature.name not in header]
    if not missing:
        return unknown
    other = next((mark for mark in USUAL_DELIMITERS if mark != delimiter and mark in header[0]), None)
    if len(header) == 1 and other is not None:
        raise DataError(
            f"{uri}: line 1: the header is one column, {_told(header[0], table)!r}, with data.delimiter {delimiter!r}; "
            f"set data.delimiter to {other!r} if that is what stands between the cells"
        )
    faults = []
    for feature in missing:
        near = difflib.get_close_matches(feature.name, unknown, n=1, cutoff=0.5)
        hint = f" (renamed to {_told(near[0], table)!r}?)" if near else ""
        faults.append(f"{feature.kind} column {feature.name!r}{hint}")
    told = ", ".join(_told(name, table) for name in header)
    raise DataError(
        f"{uri}: line 1: the header lacks {', '.join(faults)}; it has {told}. "
        "Correct the header, or change the feature table to what the file holds"
    )


def _told(name: str, table: FeatureTable) -> str:
    """Where a file has no header, its first row stands in its place, which may hold personal values."""
    return WITHHELD if table.private and name not in table else name
