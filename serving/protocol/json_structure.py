"""Brackets and strings of a JSON text without parsing it: linear in time, for bodies of any size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_STRUCTURE = b'"[]{}'
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_QUICK_PASSES = 4
_BLOCK_BYTES = 1 << 20


def mask_escapes(text: str) -> str:
    """The text with escaped backslashes and quotes overwritten: every quote left opens or closes a string."""
    if "\\" not in text:
        return text
    return text.replace("\\\\", "__").replace('\\"', "__")


def is_deeper_than(body: bytes, max_depth: int) -> bool:
    """Whether brackets outside strings nest deeper than `max_depth` (at least 8) levels."""
    structure = _structure(body)
    # The first quote opens a string. If removing adjacent quotes leaves none, every string was a pair of adjacent
    # quotes, that is, held no bracket.
    brackets = structure.replace(b'""', b"")
    if b'"' not in brackets:
        for _ in range(_QUICK_PASSES):  # each takes away one or two levels
            brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
            if not brackets:
                return False
    in_string, depth = False, 0
    for start in range(0, len(structure), _BLOCK_BYTES):
        block = np.frombuffer(structure, np.uint8, min(_BLOCK_BYTES, len(structure) - start), start)
        opening, closing, in_string = _brackets(block, in_string)
        depths = depth + np.cumsum(opening.astype(np.int32) - closing, dtype=np.int32)
        if depths.max() > max_depth:
            return True
        depth = int(depths[-1])
    return False


def innermost_bracket(text: str) -> str:
    """The bracket outside strings that is open at the end of `text`; empty where none is."""
    structure = _structure(text.encode("utf-8", "surrogatepass"))
    if not structure:
        return ""
    opening, closing, _ = _brackets(np.frombuffer(structure, np.uint8), False)
    depths = np.cumsum(opening.astype(np.int32) - closing, dtype=np.int32)
    candidates = np.flatnonzero(opening & (depths == depths[-1]))
    return chr(structure[candidates[-1]]) if depths[-1] > 0 and len(candidates) else ""


def _structure(body: bytes) -> bytes:
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return body.translate(None, _NOT_STRUCTURE)


def _brackets(
    block: npt.NDArray[np.uint8], in_string: bool
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], bool]:
    inside = np.logical_xor.accumulate(block == ord('"')) ^ in_string
    opening = ((block == ord("[")) | (block == ord("{"))) & ~inside
    closing = ((block == ord("]")) | (block == ord("}"))) & ~inside
    return opening, closing, bool(inside[-1])
