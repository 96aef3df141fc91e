"""Trials that a search has made, in a file of its own, so that an interrupted search goes on.

KerasTuner's files are not written at once: an interruption may leave half of one, which it cannot read again. Its
oracles propose the same values in the same order for the same seed and the same log losses; so a search begins anew,
and what is in the journal is not trained again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adclick.filesystem import replace_bytes


class Measured(NamedTuple):
    """What a training came to."""

    log_loss: float
    seconds: float


class TrialJournal:
    """Completed trainings by their values; those that failed are tried again."""

    def __init__(self, file: Path) -> None:
        """Reads what is there."""
        self._file = file
        self._known: dict[str, Measured] = {}
        if file.is_file():
            found = json.loads(file.read_text(encoding="utf-8"))
            self._known = {values: Measured(*measured) for values, measured in found.items()}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, values: Mapping[str, Any]) -> Measured | None:
        """Of a training with these settings, by path."""
        return self._known.get(_key(values))

    def add(self, values: Mapping[str, Any], measured: Measured) -> None:
        """The file is there in full, or as it was before."""
        self._known[_key(values)] = measured
        replace_bytes(str(self._file), json.dumps(self._known, indent=1).encode())


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
