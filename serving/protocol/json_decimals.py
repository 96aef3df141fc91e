"""Floating-point numbers as text, with the digits that the original writes.

Source: tensorflow_serving/util/json_tensor.cc, WriteDecimal: six digits where they read back as the same number
(absl::StrCat, which is printf's %g), else std::numeric_limits::max_digits10; whole numbers keep a `.0`.
"""

from __future__ import annotations

from ctypes import c_float

import numpy as np
import orjson

from serving.models.session_call import Array

_SHORT_DIGITS = 6
_FLOAT_DIGITS, _DOUBLE_DIGITS = 9, 17  # std::numeric_limits<T>::max_digits10

# %g and orjson both write numbers of these magnitudes without an exponent, whichever number of digits they have.
_LOWEST, _HIGHEST = -4, 5
_DECADES = np.array([float(f"1e{power}") for power in range(_LOWEST, _HIGHEST + 2)])
# By decade, 10 to the power that brings the wanted digits before the point: exact as doubles. NaN outside of all.
_SCALES = {
    digits: np.array([np.nan, *(float(10 ** (digits - 1 - power)) for power in range(_LOWEST, _HIGHEST + 1)), np.nan])
    for digits in (_SHORT_DIGITS, _FLOAT_DIGITS)
}
# A scaled float32 is off by less than this, so that farther from a half it is rounded as its exact value is.
_NEAREST_TO_HALF = 1e-6


def decimals(values: Array) -> list[str]:
    """Text of each of the float32 or float64 `values`, [n]."""
    if values.dtype != np.float32:
        return [_double(number) for number in values.tolist()]
    if len(values) <= 1:
        return [_float(number) for number in values.tolist()]
    with np.errstate(all="ignore"):
        return _together(values)


def _together(values: Array) -> list[str]:
    """All in NumPy, where the wanted digits make whole numbers; the few others one by one.

    A number of at most 15 digits is the shortest text of the double nearest to it, which is what orjson writes.
    """  # values: [n] float32
    numbers = values.astype(np.float64)
    decade = _DECADES.searchsorted(np.abs(numbers), side="right")
    scale, short_scale = _SCALES[_FLOAT_DIGITS][decade], _SCALES[_SHORT_DIGITS][decade]
    scaled = numbers * scale
    whole = np.rint(scaled)
    sure = np.abs(scaled - whole) < 0.5 - _NEAREST_TO_HALF  # False for NaN: numbers outside the decades
    short = np.rint(numbers * short_scale) / short_scale
    digits = np.where(short.astype(np.float32) == values, short, whole / scale)
    texts = orjson.dumps(digits, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode().split(",")
    if not sure.all():
        for index in (~sure).nonzero()[0].tolist():
            texts[index] = _float(numbers.item(index))
    return texts


def _float(number: float) -> str:
    text = f"{number:.{_SHORT_DIGITS}g}"
    if c_float(float(text)).value != number:
        text = f"{number:.{_FLOAT_DIGITS}g}"
    return _with_point(text)


def _double(number: float) -> str:
    text = f"{number:.{_SHORT_DIGITS}g}"
    if float(text) != number:
        text = f"{number:.{_DOUBLE_DIGITS}g}"
    return _with_point(text)


def _with_point(text: str) -> str:
    if text[-1] in "nf":  # nan, inf, -inf
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[text]
    return text if "." in text or "e" in text else text + ".0"
