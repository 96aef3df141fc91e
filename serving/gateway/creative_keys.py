"""Which texts are keys of creatives: plain relative paths, as the pipeline itself writes them."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_ESCAPED = re.compile(r"%(2e|2f|5c|00)", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def key_fault(key: str) -> str | None:
    """Why `key` is no creative's key, or None. The model only looks keys up; who reads files by them later may not."""
    if _CONTROL.search(key):
        return "has a control character"
    if "\\" in key:
        return "has a backslash"
    if key.startswith(("/", "~")) or _DRIVE.match(key):
        return "is an absolute path"
    if _SCHEME.match(key):
        return "is a URL; send it as the image's URL"
    if _ESCAPED.search(key):
        return "has an escaped path character"
    if any(part in (".", "..", "") for part in key.split("/")):
        return "has an empty part, '.' or '..'"
    return None
