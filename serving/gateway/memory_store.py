"""Entries in this process: the default store, and the files it starts with."""

from __future__ import annotations

import csv
import itertools
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from adclick.errors import SettingsError
from configs.features import Bucketized, FeatureTable, Numeric, Timestamp
from configs.gateway import Enrichment
from serving.gateway.codes import Refusal
from serving.gateway.enrichment import Entry, check_entry
from serving.gateway.row_checks import RowChecks


class MemoryStore:
    """Keeps the `max_entries` entries used last, each for `ttl_s` if that is set."""

    def __init__(
        self, max_entries: int, ttl_s: float | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._max, self._ttl_s, self._now_s = max_entries, ttl_s, now_s
        self._entries: OrderedDict[tuple[str, str], tuple[float, Entry]] = OrderedDict()

    def __len__(self) -> int:
        """Entries kept."""
        return len(self._entries)

    async def get_many(self, keys: Sequence[tuple[str, str]]) -> list[Entry | None]:
        """Entries of (kind, key) pairs."""
        return [self._get(key) for key in keys]

    def _get(self, key: tuple[str, str]) -> Entry | None:
        kept = self._entries.get(key)
        if kept is None:
            return None
        written_s, entry = kept
        if self._ttl_s is not None and self._now_s() - written_s >= self._ttl_s:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry

    async def put(self, kind: str, key: str, entry: Entry) -> None:
        """Replaces an entry; the one unused for longest goes where there are too many."""
        self.put_now(kind, key, entry)

    def put_now(self, kind: str, key: str, entry: Entry) -> None:
        """As `put`, without a loop."""
        self._entries[kind, key] = (self._now_s(), entry)
        self._entries.move_to_end((kind, key))
        if len(self._entries) > self._max:
            self._entries.popitem(last=False)

    async def close(self) -> None:
        """Nothing to let go of."""


def filled_store(settings: Enrichment, table: FeatureTable, checks: RowChecks, folder: Path) -> MemoryStore:
    """A store with the entries of the kinds' files. Raises SettingsError, naming file, line and field."""
    store = MemoryStore(settings.max_entries, settings.ttl_s)
    for name, kind in settings.kinds.items():
        if kind.file is None:
            continue
        path = folder / kind.file
        for line, row in _rows(path):
            key = row.pop(kind.key, None)
            if key is None or key == "":
                raise SettingsError(f"{path}, line {line}: field {kind.key!r} is missing; every entry needs its key")
            try:
                entry = check_entry(kind, checks, {f: _value(table, f, v) for f, v in row.items() if v != ""})
                store.put_now(name, checks.key_text(kind.key, str(key)), entry)
            except Refusal as refusal:
                raise SettingsError(f"{path}, line {line}: {refusal.message}") from None
    return store


def _value(table: FeatureTable, field: str, value: object) -> object:
    """A CSV cell as JSON would have it."""
    if isinstance(value, str) and field in table and isinstance(table[field], Numeric | Bucketized):
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, str) and value.isdecimal() and field in table and isinstance(table[field], Timestamp):
        return int(value)
    return value


def _rows(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """(line, fields) of a CSV with a header, or of JSON lines."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            if path.suffix == ".csv":
                reader = csv.DictReader(lines)
                for row in reader:
                    if None in row or None in row.values():
                        raise SettingsError(
                            f"{path}, line {reader.line_num}: has another number of cells than the header"
                        )
                    yield reader.line_num, dict(row)
                return
            for number, text in zip(itertools.count(1), lines):
                if text.strip():
                    row = json.loads(text)
                    if not isinstance(row, dict):
                        raise SettingsError(f"{path}, line {number}: is no JSON object")
                    yield number, row
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}: is neither named .csv nor JSON lines: {error}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
