"""Holds a file's header against the feature table."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from adclick.errors import DataError
from configs.features import FeatureTable

USUAL_DELIMITERS = (",", ";", "\t", "|")


def check_header(uri: str, header: Sequence[str], table: FeatureTable, delimiter: str = ",") -> list[str]:
    """Columns of the header that the table does not know, which are left out.

    Raises DataError naming each column of the table that the header lacks and the likeliest new name, or the likeliest
    delimiter.
    """
    unknown = [name for name in header if name not in table]
    missing = [feature for feature in table.written if feature.name not in header]
    if not missing:
        return unknown
    other = next((mark for mark in USUAL_DELIMITERS if mark != delimiter and mark in header[0]), None)
    if len(header) == 1 and other is not None:
        raise DataError(
            f"{uri}: line 1: the header is one column, {header[0]!r}, with data.delimiter {delimiter!r}; "
            f"set data.delimiter to {other!r} if that is what stands between the cells"
        )
    faults = []
    for feature in missing:
        near = difflib.get_close_matches(feature.name, unknown, n=1, cutoff=0.5)
        hint = f" (renamed to {near[0]!r}?)" if near else ""
        faults.append(f"{feature.kind} column {feature.name!r}{hint}")
    raise DataError(
        f"{uri}: line 1: the header lacks {', '.join(faults)}; it has {', '.join(header)}. "
        "Correct the header, or change the feature table to what the file holds"
    )
