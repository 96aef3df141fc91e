"""Features that the gateway looks up where a row leaves them out, by kind of key: of a user, of a site, …"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from configs.gateway import Enrichment, EnrichmentKind
from configs.nearest import likeliest
from serving.gateway.codes import Refusal
from serving.gateway.row_checks import CheckedRow, RowChecks

_log = logging.getLogger(__name__)

Entry = Mapping[str, object]
"""Values by field, as JSON has them."""
UNAVAILABLE = "enrichment_unavailable"


class StoreUnavailableError(Exception):
    """The store gives no answer just now."""


class EntryStore(Protocol):
    """Where entries are kept. Keys of personal fields come as hashes."""

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Entry | None]:
        """Entries of (kind, key) pairs, None where there is none. Raises StoreUnavailableError."""

    async def put(self, kind: str, key: str, entry: Entry) -> None:
        """Replaces an entry. Raises StoreUnavailableError."""

    async def close(self) -> None:
        """Lets go of connections."""


class Enricher:
    """Fills rows from a store. A store that is out leaves rows as they are, flagged and counted."""

    def __init__(self, settings: Enrichment, checks: RowChecks, store: EntryStore) -> None:
        self._kinds, self._checks, self._store = settings.kinds, checks, store
        self._places = {
            name: [(field, checks.place(field)) for field in kind.fields] for name, kind in settings.kinds.items()
        }
        self.hits = self.misses = self.outages = self.bad_values = 0

    async def enrich(self, rows: Sequence[CheckedRow]) -> None:
        """Puts values where the rows have none. Never raises for want of the store."""
        wanted = [
            (row, kind, row.keys[settings.key])
            for kind, settings in self._kinds.items()
            for row in rows
            if settings.key in row.keys and any(row.values[place] is None for _, place in self._places[kind])
        ]
        if not wanted:
            return
        distinct = list(dict.fromkeys((kind, key) for _, kind, key in wanted))
        try:
            found = dict(zip(distinct, await self._store.get_many(distinct), strict=True))
        except StoreUnavailableError:
            self.outages += 1
            for row in {id(row): row for row, _, _ in wanted}.values():
                row.warnings.append(UNAVAILABLE)
            return
        for row, kind, key in wanted:
            entry = found[kind, key]
            if entry is None:
                self.misses += 1
            else:
                self.hits += 1
                self._fill(row, kind, entry)

    def _fill(self, row: CheckedRow, kind: str, entry: Entry) -> None:
        for field, place in self._places[kind]:
            if row.values[place] is None and field in entry:
                try:
                    row.values[place] = self._checks.check_value(field, entry[field])
                except Refusal:  # written by someone else, under other rules
                    self.bad_values += 1

    async def put(self, kind: str, key: str, entry: object) -> None:
        """Stores an entry that has been checked. Raises Refusal; StoreUnavailableError."""
        settings = self._kind(kind)
        checked = check_entry(settings, self._checks, entry)
        await self._store.put(kind, self._checks.key_text(settings.key, key), checked)

    def _kind(self, kind: str) -> EnrichmentKind:
        if kind not in self._kinds:
            raise Refusal(
                "not_found", f"no kind of enrichment {kind[:100]!r}{likeliest(kind[:100], list(self._kinds))}"
            )
        return self._kinds[kind]


def check_entry(settings: EnrichmentKind, checks: RowChecks, entry: object) -> Entry:
    """The entry, where every value is one that a row could have. Raises Refusal."""
    if not isinstance(entry, dict):
        raise Refusal("row_not_object", "an entry is an object of fields")
    for field, value in entry.items():
        if field not in settings.fields:
            raise Refusal("field_unknown", f"no field {field[:100]!r} in it{likeliest(field[:100], settings.fields)}")
        checks.check_value(field, value)
    return entry
