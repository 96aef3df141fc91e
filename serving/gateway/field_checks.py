"""Checks of single fields: a JSON value to what the model takes, made once from a feature's entry in the table.

A missing value goes to the model as missing: the table's `default` is part of the model's own graph, as in training,
where it comes with a flag that says so.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from adclick.privacy import WITHHELD, hashed, key_from_environment
from configs.features import AnyFeature, Bucketized, Ignore, Image, Key, Numeric, Timestamp, Weight
from configs.settings import Creatives
from serving.gateway.codes import Refusal
from serving.gateway.creative_keys import key_fault
from serving.gateway.image_bytes import check_image
from serving.gateway.times import seconds_since_1970

Value = float | int | bytes
Check = Callable[[object], Value | None]
"""A field's JSON value to what the model takes, None where it is missing; raises Refusal."""
MAX_FLOAT32 = 3.4028234663852886e38
_QUOTED_LENGTH = 60


def field_check(feature: AnyFeature, max_text_bytes: int) -> Check:
    """The check of a feature. Raises SettingsError where it is hashed and the environment has no key."""
    name, private = feature.name, feature.pii is not None
    if isinstance(feature, Numeric | Bucketized):
        return _number_check(name, feature.minimum, feature.maximum, private)
    if isinstance(feature, Timestamp):
        return _time_check(name, private)
    if isinstance(feature, Weight | Ignore) or feature.pii == "drop":
        return lambda _: None  # known, and not looked at
    text = _text_check(name, private, max_text_bytes, numbers=isinstance(feature, Key))
    if isinstance(feature, Image):
        return _creative_key_check(name, text)
    return _hash_check(name, text) if feature.pii == "hash" and not isinstance(feature, Key) else text


def image_bytes_check(name: str, limits: Creatives) -> Check:
    """The check of an image's companion field: base64 of an encoded image within the limits."""

    def check(value: object) -> bytes | None:
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise wrong_type(name, value, "base64 text")
        if len(value) * 3 // 4 > limits.max_file_bytes + 3:
            raise Refusal("image_too_large", f"field {name!r}: more than {limits.max_file_bytes} bytes")
        try:
            encoded = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal("image_not_base64", f"field {name!r} is no base64 (RFC 4648, section 4)") from None
        check_image(name, encoded, limits)
        return encoded

    return check


def _number_check(name: str, minimum: float | None, maximum: float | None, private: bool) -> Check:
    low = -MAX_FLOAT32 if minimum is None else max(minimum, -MAX_FLOAT32)
    high = MAX_FLOAT32 if maximum is None else min(maximum, MAX_FLOAT32)

    def check(value: object) -> float | None:
        if type(value) is not float and type(value) is not int:
            if value is None:
                return None
            raise wrong_type(name, WITHHELD if private else value, "a number")
        if low <= value <= high:
            return float(value)
        shown = WITHHELD if private else quoted(value)
        bounds = "float32's range" if minimum is None and maximum is None else f"{low:g} to {high:g}"
        raise Refusal("field_out_of_range", f"field {name!r}, value {shown}: outside of {bounds}")

    return check


def _time_check(name: str, private: bool) -> Check:
    def check(value: object) -> int | None:
        if value is None or value == "":
            return None
        seconds = seconds_since_1970(value)
        if seconds is None:
            raise wrong_type(
                name, WITHHELD if private else value, 'a time, such as "2026-01-01T12:00:00Z" or seconds since 1970'
            )
        return seconds

    return check


def _text_check(name: str, private: bool, max_bytes: int, numbers: bool) -> Check:
    """`numbers`: whole numbers are taken too, as identifiers often are."""

    def check(value: object) -> bytes | None:
        if value is None:
            return None
        if type(value) is not str:
            if numbers and type(value) is int:
                return str(value).encode()
            raise wrong_type(name, WITHHELD if private else value, "text")
        encoded = value.encode()
        if len(encoded) > max_bytes:
            raise Refusal("field_too_long", f"field {name!r} has {len(encoded)} bytes, at most {max_bytes}")
        return encoded or None

    return check


def _hash_check(name: str, text: Check) -> Check:
    key = key_from_environment(name)

    def check(value: object) -> bytes | None:
        plain = text(value)
        return hashed(name, plain, key).encode() if isinstance(plain, bytes) else None

    return check


def _creative_key_check(name: str, text: Check) -> Check:
    def check(value: object) -> Value | None:
        encoded = text(value)
        if encoded is not None:
            fault = key_fault(str(value))
            if fault:
                raise Refusal("creative_key_refused", f"field {name!r}, value {quoted(value)}: {fault}")
        return encoded

    return check


def wrong_type(name: str, value: object, wanted: str) -> Refusal:
    """Refusal of a value of another type than the field's."""
    shown = value if value is WITHHELD else quoted(value)
    return Refusal("field_wrong_type", f"field {name!r}, value {shown}: give {wanted}")


def quoted(value: object) -> str:
    """A value as an answer may show it: cut where it is long."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= _QUOTED_LENGTH else text[:_QUOTED_LENGTH] + "…"
