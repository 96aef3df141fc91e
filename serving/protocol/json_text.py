"""JSON text of a request, parsed as TF Serving parses it.

Source: tensorflow_serving/util/json_tensor.cc, ParseJson. NaN, Inf and Infinity are numbers, text after the first value
is ignored, integers beyond 64 bits are doubles, and of a key that comes twice the first counts. Stricter than there:
strings have to be UTF-8 without lone surrogates (RFC 8259, section 8), and json_limits.py.

orjson does the work wherever both agree; what it refuses goes to Python's parser.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from itertools import chain
from typing import Any

import orjson

from serving.protocol.json_debug import debug_string
from serving.protocol.json_errors import (
    BAD_ENCODING,
    TOO_BIG,
    parse_error,
    surrogate_error,
    syntax_error,
    too_big_error,
)
from serving.protocol.json_limits import check_limits, too_deep
from serving.protocol.json_structure import mask_escapes
from serving.request_error import invalid_argument

_BOM = b"\xef\xbb\xbf"
_LEADING_SPACE = re.compile(r"[ \t\n\r]*")
_MAYBE_BIG_NUMBER = re.compile(r"\d{19}|[eE]\+?\d{3}")
# What RapidJSON takes for a number and Python does not; strings first, so that they are passed over.
_ODD_NUMBER = re.compile(r'"[^"]*"|-NaN|-?Inf(?:inity)?')
_NO_DOCUMENT = ("", "\0", ",", ":", "]", "}")
_ODD_NUMBERS = ("-NaN", "Inf", "-Inf")
_DIGITS_OF_UINT64 = 20
_NAN, _NULL = b"NaN", b"null"
_SPACE = b" \t\n\r"
_COLON = b":"
_END_OF_KEY = b'":'
_BASE64 = b'{"b64":'
_DIGITS_OF_DOUBLE = 309

# Looking for every key in the whole body takes time by the product of both; beyond this, the lenient way is quicker.
_MAX_KEY_SEARCH_BYTES = 1 << 26


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` starts with.

    Raises:
        RequestError: INVALID_ARGUMENT for malformed or too deeply nested JSON, or another value than an object;
            RESOURCE_EXHAUSTED for more values than a request may hold.
    """
    if not body:
        raise parse_error("The document is empty")
    check_limits(body)
    value = _parse_with_nan(body)
    if value is None:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            value = _parse_leniently(body, _PLAIN)
    if type(value) is dict and _may_repeat_a_key(body, value):
        value = _parse_leniently(body, _FIRST_KEY_WINS)
    if not isinstance(value, dict):
        raise invalid_argument(f"JSON Value: {debug_string(value)} Is not object")
    return value


def _may_repeat_a_key(body: bytes, document: dict[str, Any]) -> bool:
    """Whether a key of the document, of its columns or of its rows may stand in the text more often than expected.

    Objects nested deeper are not looked at, but for bytes (`{"b64": …}`): none there have a meaning.
    """
    objects = [document, *(value for value in document.values() if type(value) is dict)]
    for value in document.values():
        if type(value) is list:
            objects.extend(row for row in value if type(row) is dict)
    members = sum(map(len, objects))
    bytes_objects = body.count(_BASE64)
    if body.count(_COLON) == members + bytes_objects and not (bytes_objects and any("b64" in each for each in objects)):
        return False
    # Each key ends so, with or without space; within strings quotes are escaped, which can only make the count larger.
    dense = body.translate(None, _SPACE)
    keys = dense.count(_END_OF_KEY)
    if keys == members:
        return False
    if keys == members + dense.count(_BASE64) and not any("b64" in each for each in objects):
        return False
    expected = Counter(chain.from_iterable(objects))
    if len(expected) * len(body) > _MAX_KEY_SEARCH_BYTES:
        return True
    # Fewer: a key that is written with escapes.
    return any(body.count(b'"%b"' % key.encode()) != count for key, count in expected.items())


def _parse_with_nan(body: bytes) -> Any:
    """The document of a body that is JSON but for its NaNs: several times as quick as the lenient way; else None."""
    with_null = body.replace(_NAN, _NULL)
    count = (len(with_null) - len(body)) // (len(_NULL) - len(_NAN))
    if not count or _NULL in body:
        return None
    try:
        value = orjson.loads(with_null)
    except orjson.JSONDecodeError:
        return None
    found = _put_nan_in_rows(value) + _put_nan_in_columns(value)
    if found < count:
        found += _put_nan_for_null(value)
    return value if found == count else None  # fewer: some NaN stood within a string


def _put_nan_in_rows(value: Any) -> int:
    """Replaces None right within the rows of `instances`, where most are; how many there were."""
    rows = value.get("instances") if type(value) is dict else None
    count = 0
    for row in rows if type(rows) is list else ():
        if type(row) is dict and None in row.values():
            for key, item in row.items():
                if item is None:
                    row[key] = math.nan
                    count += 1
    return count


def _put_nan_in_columns(value: Any) -> int:
    """The same right within the columns of `inputs` that begin with no string."""
    columns = value.get("inputs") if type(value) is dict else None
    count = 0
    for column in columns.values() if type(columns) is dict else ():
        if type(column) is list and column and type(column[0]) is not str and None in column:
            count += column.count(None)
            column[:] = [math.nan if item is None else item for item in column]
    return count


def _put_nan_for_null(value: Any) -> int:
    """Replaces every None within a parsed value; how many there were."""
    count = 0
    if type(value) is list:
        kinds = set(map(type, value))
        if type(None) in kinds:
            count = value.count(None)
            value[:] = [math.nan if item is None else item for item in value]
        if list in kinds or dict in kinds:
            count += sum(_put_nan_for_null(item) for item in value if type(item) is list or type(item) is dict)
    elif type(value) is dict:
        for key, item in value.items():
            if item is None:
                value[key] = math.nan
                count += 1
            elif type(item) is list or type(item) is dict:
                count += _put_nan_for_null(item)
    return count


def _parse_leniently(body: bytes, decoder: json.JSONDecoder) -> Any:
    bom_bytes = len(_BOM) if body.startswith(_BOM) else 0
    try:
        text = body[bom_bytes:].decode()
    except UnicodeDecodeError as error:
        raise parse_error(BAD_ENCODING, bom_bytes + error.start) from error
    start = _LEADING_SPACE.match(text).end()  # type: ignore[union-attr]  # matches the empty string too
    if text[start : start + 1] in _NO_DOCUMENT:
        raise parse_error("The document is empty.", bom_bytes + start)
    if _MAYBE_BIG_NUMBER.search(text):
        decoder = _checking_numbers(decoder)
    try:
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if not text.startswith(_ODD_NUMBERS, error.pos):
                raise
            value, end = decoder.raw_decode(_with_usual_numbers(text), start)
    except json.JSONDecodeError as error:
        raise surrogate_error(text[: error.pos], bom_bytes) or syntax_error(error, bom_bytes) from error
    except RecursionError as error:
        raise too_deep() from error
    except OverflowError as error:
        raise too_big_error(text, bom_bytes) from error
    if lone := surrogate_error(text[:end], bom_bytes):
        raise lone
    return value


def _with_usual_numbers(text: str) -> str:
    pieces, end = [], 0
    for match in _ODD_NUMBER.finditer(mask_escapes(text)):
        token = match[0]
        if token[0] != '"':
            pieces += [
                text[end : match.start()],
                "NaN" if token == "-NaN" else "-Infinity" if token[0] == "-" else "Infinity",
            ]
            end = match.end()
    return "".join(pieces) + text[end:]


def _first_key_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        members.setdefault(key, value)
    return members


def _checking_numbers(decoder: json.JSONDecoder) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=decoder.object_pairs_hook, parse_int=_integer, parse_float=_double)


def _integer(digits: str) -> int | float:
    if len(digits) < _DIGITS_OF_UINT64:
        return int(digits)
    if len(digits) > _DIGITS_OF_DOUBLE + 1:
        raise OverflowError(TOO_BIG)
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else _double(digits)


def _double(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise OverflowError(TOO_BIG)
    return number


_PLAIN = json.JSONDecoder()
_FIRST_KEY_WINS = json.JSONDecoder(object_pairs_hook=_first_key_wins)
