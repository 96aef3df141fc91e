from __future__ import annotations

import numpy as np
import pytest

from serving.protocol.json_decimals import decimals


def as_printf_writes(number: np.floating, full_digits: int) -> str:
    """The original's rule, number by number."""
    text = f"{number:.6g}"
    if type(number)(text) != number:
        text = f"{number:.{full_digits}g}"
    return text if "." in text or "e" in text else text + ".0"


@pytest.mark.parametrize("count", [1, 2, 3000])
def test_numbers_have_the_digits_that_printf_gives_them(count: int) -> None:
    random = np.random.default_rng(7)
    kinds = [
        random.random(count),
        10 ** random.uniform(-6, 8, count),  # beyond both ends of what is written without an exponent
        np.round(random.random(count), 5),
        random.integers(-(10**7), 10**7, count) / 1000.0,
        random.integers(0, 2**20, count) / 2.0**20,  # halves of the last digit: rounded to even
        np.nextafter(np.float32(10.0 ** random.integers(-5, 7, count)), np.float32(0)),
        np.float64([0.0, -0.0, 1e-45, 3.4e38, 1e-4, 999999.94, 0.5]),
    ]
    for numbers in kinds:
        floats = numbers.astype(np.float32)
        assert decimals(floats) == [as_printf_writes(number, 9) for number in floats]
        assert decimals(numbers.astype(np.float64)) == [as_printf_writes(n, 17) for n in numbers.astype(np.float64)]


def test_what_is_no_number_has_a_name() -> None:
    bits = np.array([0x7FA00001], np.uint32)  # a signalling NaN
    odd = np.concatenate([np.float32([np.nan, np.inf, -np.inf, 0.25]), bits.view(np.float32)])
    assert decimals(odd) == ["NaN", "Infinity", "-Infinity", "0.25", "NaN"]
    assert decimals(odd[:1]) == ["NaN"]
    assert decimals(np.float64([np.inf, 2.0])) == ["Infinity", "2.0"]
    assert decimals(np.float32([])) == []
