"""Bytes in JSON: {"b64": "…"}.

Source: tensorflow_serving/util/json_tensor.cc, JsonDecodeBase64Object; absl/strings/escaping.cc, Base64Unescape: white
space anywhere, padding with `=` or `.`, right or left out.
"""

from __future__ import annotations

import binascii
import re
from typing import Any

from serving.protocol.json_debug import debug_string
from serving.request_error import invalid_argument

_SPACE = re.compile("[ \t\n\v\f\r]+")
_LENIENT = re.compile(r"([A-Za-z0-9+/]*)([=.]*)")
_MAX_PADDING = 2


def is_base64(value: object) -> bool:
    """Whether a JSON value stands for bytes: an object with the one key `b64` and a string as its value."""
    return type(value) is dict and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: dict[str, Any]) -> bytes:
    """The bytes that a JSON object stands for.

    Raises:
        RequestError: INVALID_ARGUMENT where it is another object, or its text is not base64.
    """
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {debug_string(value)} not formatted correctly for base64 data")
    text: str = value["b64"]
    if not text:
        return b""
    try:
        decoded = binascii.a2b_base64(text)
    except ValueError:
        return _decode_leniently(text)
    # binascii passes over what is not base64: then the result is too short.
    padding = len(text) - len(text.rstrip("="))
    if padding <= _MAX_PADDING and len(text) % 4 == 0 and len(decoded) == len(text) // 4 * 3 - padding:
        return decoded
    return _decode_leniently(text)


def _decode_leniently(text: str) -> bytes:
    match = _LENIENT.fullmatch(_SPACE.sub("", text))
    if match is None:
        raise invalid_argument("Unable to base64 decode")
    data, padding = match.groups()
    missing = -len(data) % 4
    if missing > _MAX_PADDING or len(padding) not in (0, missing):
        raise invalid_argument("Unable to base64 decode")
    return binascii.a2b_base64(data + "=" * missing)
