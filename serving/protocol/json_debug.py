"""JSON values as the original quotes them in its errors.

Source: tensorflow_serving/util/json_tensor.cc, JsonValueToDebugString: RapidJSON's PrettyWriter with arrays on one
line, which stops at the first event after 256 bytes, and at a NaN or infinity, which that writer has no text for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal

MAX_DEBUG_BYTES = 256
_MAX_STRING_CHARS = 4096  # the original quotes a string whole, be it megabytes
_MAX_PLAIN_DIGITS = 21  # rapidjson/internal/dtoa.h, Prettify
_CONTROL = re.compile("[\x00-\x07\x0b\x0e-\x1f]")


def debug_string(value: object) -> str:
    """A parsed value as errors quote it: objects indented, arrays on one line, cut when long."""
    text, size = [], 0
    for event in _events(value, 0, ""):
        if size >= MAX_DEBUG_BYTES:
            break
        if event.endswith("\0"):
            text.append(event[:-1])
            break
        text.append(event)
        size += len(event.encode("utf-8", "replace"))
    return "".join(text)


def type_name(value: object) -> str:
    """Name of a parsed value's JSON type, as the original's messages have it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    kinds: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
    return kinds.get(type(value), "Number")


def json_string(text: str) -> str:
    """A string as RapidJSON writes it: UTF-8 as it is, control characters with capital hex digits."""
    quoted = json.dumps(text, ensure_ascii=False)
    if _CONTROL.search(text):
        quoted = re.sub(r"\\u00[01][0-9a-f]", lambda match: "\\u" + match[0][2:].upper(), quoted)
    return quoted


def _events(value: object, level: int, prefix: str) -> Iterator[str]:
    """One text for each event of RapidJSON's writer; a last one that ends in NUL where the writer gives up."""
    if isinstance(value, list):
        yield prefix + "["
        for index, item in enumerate(value):
            yield from _events(item, level + 1, ", " if index else "")
        yield "]"
    elif isinstance(value, dict):
        yield prefix + "{"
        for index, (key, item) in enumerate(value.items()):
            yield ("," if index else "") + "\n" + "    " * (level + 1) + json_string(key[:_MAX_STRING_CHARS])
            yield from _events(item, level + 1, ": ")
        yield "\n" + "    " * level + "}" if value else "}"
    elif isinstance(value, str):
        yield prefix + json_string(value[:_MAX_STRING_CHARS])
    elif isinstance(value, float):
        yield prefix + (_double(value) if math.isfinite(value) else "\0")
    else:
        yield prefix + json.dumps(value)


def _double(value: float) -> str:
    """RapidJSON's text of a double: plain up to 21 digits, else with an exponent without plus sign."""
    if value == 0:
        return repr(value)
    sign, digits_tuple, exponent = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, digits_tuple)).rstrip("0")
    assert isinstance(exponent, int)  # a finite number's
    exponent += len(digits_tuple) - len(digits)
    point = len(digits) + exponent  # value = 0.digits * 10**point
    if exponent >= 0 and point <= _MAX_PLAIN_DIGITS:
        text = digits + "0" * exponent + ".0"
    elif 0 < point <= _MAX_PLAIN_DIGITS:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "") + f"e{point - 1}"
    return "-" + text if sign else text
