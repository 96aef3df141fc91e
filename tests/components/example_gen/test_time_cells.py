"""The vectorised calendar agrees with datetime on every kind of day."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from components.example_gen.time_cells import seconds
from configs.features import Timestamp

ISO = Timestamp(name="time", kind="timestamp")
EPOCH = datetime.datetime(1970, 1, 1)


def whole_seconds(moment: datetime.datetime) -> int:
    past = moment - EPOCH
    return past.days * 86_400 + past.seconds


@pytest.mark.parametrize("shape", ["%sT%sZ", "%s %s", "%sT%s"])
def test_moments_of_all_years_come_out_as_datetime_has_them(shape: str) -> None:
    days = np.random.default_rng(2).integers(1, datetime.date.max.toordinal(), 5_000)
    ends = [
        datetime.date(year, month, 1).toordinal() - 1 for year in (1900, 2000, 2024, 2100) for month in range(1, 13)
    ]
    moments = [datetime.datetime.fromordinal(int(day)) + datetime.timedelta(seconds=int(day) % 86_400) for day in days]
    moments += [datetime.datetime.fromordinal(day) for day in ends]
    texts = [shape % tuple(moment.isoformat().split("T")) for moment in moments]
    parsed = seconds(ISO, pa.array(texts))
    assert not parsed.bad.any()
    assert parsed.values.to_pylist() == [whole_seconds(moment) for moment in moments]


def test_days_that_no_month_has_are_bad() -> None:
    last = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
    texts = [
        f"{year}-{month:02d}-{last.get(month, 31) + 1}T00:00:00Z" for year in (2000, 2023) for month in range(1, 13)
    ]
    texts += ["1900-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2023-00-01T00:00:00Z"]
    assert seconds(ISO, pa.array(texts)).bad.all()


def test_a_part_of_a_longer_column_is_read_at_its_place() -> None:
    cells = pa.array(["1970-01-01T00:00:01Z", None, "x", "1970-01-01T00:00:03Z", "1970-01-02"]).slice(1, 3)
    parsed = seconds(ISO, cells)
    assert parsed.values.to_pylist() == [None, None, 3]
    assert parsed.bad.tolist() == [False, True, False]
