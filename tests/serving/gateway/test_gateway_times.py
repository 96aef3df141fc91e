"""Times as callers write them, and what only looks like one."""

from __future__ import annotations

import pytest

from serving.gateway.times import seconds_since_1970


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-02T00:00:10Z", 86_410),
        ("1970-01-02 00:00:10.900", 86_410),
        ("1970-01-02T01:00:10+01:00", 86_410),
        ("1969-12-31T23:59:59Z", -1),
        (86_410, 86_410),
        (86_410.0, 86_410),
    ],
)
def test_a_time(value: object, seconds: int) -> None:
    assert seconds_since_1970(value) == seconds


@pytest.mark.parametrize(
    "value",
    ["1970-01-02ZZ", "1970-01-02Z", "1970-01-02+05:00", "1970-01-02x05:00", "Z", "T", "1970-01-02T00:00:10ZZ",
     "1970-01-32", "0001-01-01T00:00:00+23:59", "1970-01-02T00:00:10,5Z", "５", 1.5, 1e308, True, None, [], 10**12],
)  # fmt: skip
def test_what_is_no_time(value: object) -> None:
    """A sign right after the day is a zone's, not an hour's: five o'clock was read into "+05:00"."""
    assert seconds_since_1970(value) is None
