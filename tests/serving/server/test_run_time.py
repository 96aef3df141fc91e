"""Which runs are made on the event loop."""

from __future__ import annotations

from serving.server.run_time import RunTimes, is_small

MS = 0.001


def times_of(*runs: tuple[float, float]) -> RunTimes:
    """After runs of one row in threads: (milliseconds passed, milliseconds of a processor)."""
    times = RunTimes(together=False)
    for passed_ms, cpu_ms in runs:
        times.note(passed_ms * MS, cpu_ms * MS, 1)
    return times


def test_eight_quick_runs_give_leave_and_seven_do_not() -> None:
    assert not times_of(*[(0.2, 0.1)] * 7).may_run_inline(1, 0.0)
    assert times_of(*[(0.2, 0.1)] * 8).may_run_inline(1, 0.0)
    assert not times_of(*[(0.2, 0.1)] * 8).may_run_inline(4097, 0.0)


def test_one_run_that_took_much_of_a_processor_forbids_it() -> None:
    assert not times_of(*[(0.2, 0.1)] * 7, (300.0, 300.0)).may_run_inline(1, 0.0)
    assert times_of((300.0, 300.0), *[(0.2, 0.1)] * 8).may_run_inline(1, 0.0), "long ago"


def test_runs_of_many_rows_may_take_longer() -> None:
    """1 ms and 6 µs a row: 7 ms for a thousand, 1.006 for one."""
    thousand, one = RunTimes(together=False), RunTimes(together=False)
    for _ in range(8):
        thousand.note(7 * MS, 6.9 * MS, 1000)
        one.note(1.1 * MS, 1.1 * MS, 1)
    assert thousand.may_run_inline(1000, 0.0)
    assert not one.may_run_inline(1, 0.0)
    thousand.note(7 * MS, 7.1 * MS, 1000)
    assert not thousand.may_run_inline(1000, 0.0)


def test_runs_that_are_made_together_may_take_longer() -> None:
    """2.5 ms and 6 µs a row, where the next run serves whoever has come meanwhile; 1 ms where it serves one request."""
    for together, cpu_ms, allowed in ((True, 2.5, True), (True, 2.6, False), (False, 1.0, True), (False, 1.1, False)):
        times = RunTimes(together)
        for _ in range(8):
            times.note(cpu_ms * MS, cpu_ms * MS, 1)
        assert times.may_run_inline(1, 0.0) == allowed, (together, cpu_ms)


def test_runs_that_waited_for_a_processor_do_not_count_unless_most_did() -> None:
    """Half at most: the lower median of four quick and four slow ones is a quick one."""
    assert times_of(*[(0.2, 0.1)] * 4, *[(9.0, 0.1)] * 4).may_run_inline(1, 0.0)
    assert not times_of(*[(0.2, 0.1)] * 3, *[(9.0, 0.1)] * 5).may_run_inline(1, 0.0)


def test_holding_up_the_loop_bars_for_twice_as_long_each_time() -> None:
    times = times_of(*[(0.2, 0.1)] * 8)
    now_s = 100.0
    for barred_s in (1.0, 2.0, 4.0):
        times.note_inline(0.021, 0.021, 1, now_s)
        for _ in range(8):
            times.note(0.2 * MS, 0.1 * MS, 1)
        assert not times.may_run_inline(1, now_s + barred_s - 0.01)
        now_s += barred_s
        assert times.may_run_inline(1, now_s)


def test_a_request_is_small_by_its_rows() -> None:
    assert is_small(8 * 1024 + 512, 1)
    assert not is_small(15_000, 1), "an image"
    assert is_small(23_000, 64), "64 rows of JSON"
