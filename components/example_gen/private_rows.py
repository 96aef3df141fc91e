"""Takes personal values out of rows that were just read: hashed in what is kept, withheld in what is told."""

from __future__ import annotations

import pyarrow as pa

from adclick.privacy import WITHHELD, hashed
from components.example_gen.rejects import Reject
from components.example_gen.row_parsing import ParsedRows
from configs.features import FeatureTable


def made_private(rows: ParsedRows, table: FeatureTable, key: bytes | None) -> ParsedRows:
    """The same rows with hashes in place of values. `key`: None where no feature is hashed."""
    if not table.private:
        return rows
    columns = dict(rows.columns)
    if key is not None:
        columns |= {name: _hashes(name, columns[name], key) for name in table.hashed_names}
    names = {feature.name for feature in table.private}
    return rows._replace(columns=columns, rejects=[_withheld(reject, names) for reject in rows.rejects])


def _hashes(name: str, values: pa.Array, key: bytes) -> pa.Array:
    """Hexadecimal hash of each value, null where missing."""
    encoded = values.dictionary_encode()
    distinct = [hashed(name, value.encode(), key) for value in encoded.dictionary.to_pylist()]
    return pa.array(distinct, pa.string()).take(encoded.indices)


def _withheld(reject: Reject, private: set[str]) -> Reject:
    """Without the value of a private column, or of a whole row, which holds them all."""
    if reject.value and (not reject.column or reject.column in private):
        return reject._replace(value=WITHHELD)
    return reject
