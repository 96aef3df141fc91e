"""Why a body is no JSON, in the words and with the byte offsets of TF Serving's parser.

Source: RapidJSON 1.1.0, rapidjson/error/en.h and reader.h; the version is that of tensorflow_serving/workspace.bzl.
"""

from __future__ import annotations

import json
import math
import re

from serving.protocol.json_structure import innermost_bracket, mask_escapes
from serving.request_error import RequestError, invalid_argument

TOO_BIG = "Number too big to be stored in double."
BAD_SURROGATE = "The surrogate pair in string is invalid."
BAD_ENCODING = "Invalid encoding in string."
_BAD_VALUE = "Invalid value."
_NO_NAME = "Missing a name for object member."
_NO_CLOSING_QUOTE = "Missing a closing quotation mark in string."
_BAD_ESCAPE = "Invalid escape character in string."
# json.JSONDecodeError.msg -> RapidJSON's, where both stop at the same place
_SAME_PLACE = {
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting property name enclosed in double quotes": _NO_NAME,
    "Illegal trailing comma before end of object": _NO_NAME,
    "Invalid control character at": _BAD_ESCAPE,
    "Invalid \\escape": _BAD_ESCAPE,
}
_LITERALS = {"n": "null", "t": "true", "f": "false", "N": "NaN", "I": "Infinity"}
# In a text whose escapes are masked: the first half of a pair that lacks the second, and the other way round.
_LONE_SURROGATE = re.compile(
    r"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F])"
)
_NUMBER = re.compile(r'"[^"]*"|(?<![\d.eE+-])-?(?P<digits>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)')
_NUMBER_BEFORE = re.compile(r"\d(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?$")
_DIGITS_OF_DOUBLE = 309
_MAX_SEARCHED_CHARS = 1 << 20


def parse_error(what: str, offset: int | None = None) -> RequestError:
    """INVALID_ARGUMENT in the form that the original's ParseJson gives; `offset` in bytes."""
    return invalid_argument(f"JSON Parse error: {what}" + ("" if offset is None else f" at offset: {offset}"))


def syntax_error(error: json.JSONDecodeError, bom_bytes: int) -> RequestError:
    """What RapidJSON says of the text that Python's parser stopped at."""
    what, position = _translate(error.msg, error.doc, error.pos)
    return _at(error.doc, what, position, bom_bytes)


def surrogate_error(text: str, bom_bytes: int) -> RequestError | None:
    """The error for the first escaped surrogate that is no half of a pair, if there is one."""
    if "\\u" not in text:
        return None
    match = _LONE_SURROGATE.search(text.replace("\\\\", "__"))
    return None if match is None else _at(text, BAD_SURROGATE, match.start(), bom_bytes)


def too_big_error(text: str, bom_bytes: int) -> RequestError:
    """The error for the first number beyond double; where it stands is said of texts up to a megabyte."""
    if len(text) <= _MAX_SEARCHED_CHARS:
        for match in _NUMBER.finditer(mask_escapes(text)):
            if match["digits"] and math.isinf(float(match["digits"])):
                return _at(text, TOO_BIG, match.start(), bom_bytes)
    return parse_error(TOO_BIG)


def _at(text: str, what: str, position: int, bom_bytes: int) -> RequestError:
    return parse_error(what, bom_bytes + len(text[:position].encode("utf-8", "surrogatepass")))


def _translate(message: str, text: str, position: int) -> tuple[str, int]:
    here = text[position : position + 1]
    if message == "Invalid control character at" and here == "\0":
        return _NO_CLOSING_QUOTE, position
    if message in _SAME_PLACE:
        return _SAME_PLACE[message], position
    if message.startswith("Unterminated string"):
        if (len(text) - len(text.rstrip("\\"))) % 2:
            return _BAD_ESCAPE, len(text) - 1
        return _NO_CLOSING_QUOTE, _end_of_string(text)
    if message.startswith("Invalid \\uXXXX"):
        return "Incorrect hex digit after \\u escape in string.", text.rindex("\\u", 0, position + 2)
    if message.startswith("Invalid \\escape"):
        return _BAD_ESCAPE, position
    if message.startswith("Expecting ',' delimiter"):
        return _after_a_value(text, position, here)
    return _BAD_VALUE, _end_of_literal(text, position)


def _end_of_string(text: str) -> int:
    end = text.find("\0")
    return len(text) if end < 0 else end


def _after_a_value(text: str, position: int, here: str) -> tuple[str, int]:
    number = _NUMBER_BEFORE.search(text[max(0, position - _DIGITS_OF_DOUBLE) : position])
    if number and here == "." and not number["fraction"] and not number["exponent"]:
        return "Miss fraction part in number.", position + 1
    if number and here in ("e", "E") and not number["exponent"]:
        return "Miss exponent in number.", position + 1 + (text[position + 1 : position + 2] in ("+", "-"))
    if innermost_bracket(text[:position]) == "{":
        return "Missing a comma or '}' after an object member.", position
    return "Missing a comma or ']' after an array element.", position


def _end_of_literal(text: str, position: int) -> int:
    """Where RapidJSON stops in something that only begins like a literal or a number."""
    if text[position : position + 1] == "-":
        position += 1
        if text[position : position + 1] not in ("N", "I"):
            return position
    literal = _LITERALS.get(text[position : position + 1], "")
    matched = 0
    while matched < len(literal) and text[position + matched : position + matched + 1] == literal[matched]:
        matched += 1
    return position + matched
