"""The likeliest of the known names, for messages about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?`, or all known names where none is near, or nothing where none is known."""
    return likeliest(word, known) or (f"; known here: {', '.join(known)}" if known else "")


def likeliest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?`, or nothing where none is near."""
    matches = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""
