"""What can go wrong, and what the caller should do about it.

    AdclickError                exit status 1: a failure
    ├── SettingsError           exit status 2: settings or arguments cannot be used; mend them and call again
    └── DataGateError           exit status 4: the data must not be trained on; nothing was pushed
        └── DataError           …because a file cannot be read as the feature table says

None of them is worth a retry with the same input: each message names file or field, value and fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AdclickError(Exception):
    """A failure that the person who runs adclick can act on."""

    exit_status = 1


class SettingsError(AdclickError, ValueError):
    """Settings or arguments cannot be used."""

    exit_status = 2


class DataGateError(AdclickError):
    """The data gate stops the run."""

    exit_status = 4

    def __init__(self, message: str, decision: Mapping[str, Any] | None = None) -> None:
        """`decision`: what verdict.json would hold, since a component that raises leaves no artifact."""
        super().__init__(message)
        self.decision = decision


class DataError(DataGateError):
    """A data file cannot be read as the feature table says."""
