"""JSON text of a request: bounded in depth, with the errors that TF Serving's parser (RapidJSON) gives.

NaN, Infinity and -Infinity are numbers both ways, and text after the first value is ignored, as in
tensorflow_serving/util/json_tensor.cc, ParseJson.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from serving.request_error import RequestError, invalid_argument

MAX_JSON_DEPTH = 100  # TF Serving has no limit: CVE-2025-0649
MAX_DEBUG_BYTES = 256  # a value quoted in an error is cut there

_BLOCK_BYTES = 1 << 20
_LEADING_SPACE = re.compile(r"[ \t\n\r]*")
# json.JSONDecodeError.msg -> rapidjson/error/en.h
_RAPIDJSON_ERRORS = {
    "Expecting value": "Invalid value.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid control character at": "Invalid encoding in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid \\uXXXX escape": "Incorrect hex digit after \\u escape in string.",
}


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` starts with.

    Raises:
        RequestError: INVALID_ARGUMENT for malformed or too deeply nested JSON, or another value than an
            object.
    """
    if not body:
        raise parse_error("The document is empty")
    if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and _is_deeper_than(body, MAX_JSON_DEPTH):
        raise parse_error(f"Nested deeper than {MAX_JSON_DEPTH} levels")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise parse_error("Invalid encoding in string.", error.start) from error
    start = _LEADING_SPACE.match(text).end()  # type: ignore[union-attr]  # matches the empty string too
    if start == len(text):
        raise parse_error("The document is empty", 0)
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise parse_error(_rapidjson_error(error), len(text[: error.pos].encode())) from error
    except RecursionError as error:
        raise parse_error(f"Nested deeper than {MAX_JSON_DEPTH} levels") from error
    except ValueError as error:  # an integer of more than 4300 digits
        raise parse_error("Number too big to be stored in double.") from error
    if not isinstance(value, dict):
        raise invalid_argument(f"JSON Value: {debug_string(value)} Is not object")
    return value


def parse_error(what: str, offset: int | None = None) -> RequestError:
    """INVALID_ARGUMENT in the form that ParseJson gives; `offset` in bytes."""
    return invalid_argument(f"JSON Parse error: {what}" + ("" if offset is None else f" at offset: {offset}"))


def _rapidjson_error(error: json.JSONDecodeError) -> str:
    if error.msg.startswith("Expecting ',' delimiter"):
        in_object = _innermost_bracket(error.doc[: error.pos]) == "{"
        return (
            "Missing a comma or } after an object member."
            if in_object
            else "Missing a comma or ] after an array element."
        )
    return _RAPIDJSON_ERRORS.get(error.msg, "Invalid value.")


def _innermost_bracket(text: str) -> str:
    open_brackets = []
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|[\[{\]}]', text, re.DOTALL):
        if token[0] in "[{":
            open_brackets.append(token[0])
        elif token[0] in "]}" and open_brackets:
            open_brackets.pop()
    return open_brackets[-1] if open_brackets else ""


def _is_deeper_than(body: bytes, max_depth: int) -> bool:
    """Whether brackets outside strings nest deeper than `max_depth`: linear in time, constant in memory."""
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    in_string, depth = False, 0
    for start in range(0, len(unescaped), _BLOCK_BYTES):
        block = np.frombuffer(unescaped, np.uint8, min(_BLOCK_BYTES, len(unescaped) - start), start)
        inside = np.logical_xor.accumulate(block == ord('"')) ^ in_string
        opening = ((block == ord("[")) | (block == ord("{"))) & ~inside
        closing = ((block == ord("]")) | (block == ord("}"))) & ~inside
        depths = depth + np.cumsum(opening.astype(np.int32) - closing, dtype=np.int32)
        if depths.max() > max_depth:
            return True
        in_string, depth = bool(inside[-1]), int(depths[-1])
    return False


def type_name(value: object) -> str:
    """Name of a parsed value's JSON type, as the original's messages have it."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    kinds: dict[type, str] = {dict: "Object", list: "Array", str: "String"}
    return kinds.get(type(value), "Number")


def debug_string(value: object) -> str:
    """A value as the original quotes it in errors: objects indented, arrays on one line, cut when long."""
    text, size = [], 0
    for token in _tokens(value, 0):
        if size >= MAX_DEBUG_BYTES:
            break
        text.append(token)
        size += len(token)
    return "".join(text)


def _tokens(value: object, level: int) -> Iterator[str]:
    if isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _tokens(item, level)
        yield "]"
    elif isinstance(value, dict) and value:
        for index, (key, item) in enumerate(value.items()):
            yield ("," if index else "{") + "\n" + "    " * (level + 1)
            yield json.dumps(key) + ": "
            yield from _tokens(item, level + 1)
        yield "\n" + "    " * level + "}"
    else:
        yield json.dumps(value)
