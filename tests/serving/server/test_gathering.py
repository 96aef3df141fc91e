"""How long runs are taken in, on a clock of the test's own."""

from __future__ import annotations

from serving.server.gathering import Gathering

ROUND_S = 0.00001
PATIENCE_S = 0.001


class Clock:
    """Asks a Gathering in rounds of 10 us."""

    def __init__(self, together: bool) -> None:
        self.gathering = Gathering(together)
        self.start_s = 0.0
        self.before = 0

    def gather(self, *arrivals_s: float) -> tuple[int, float]:
        """(runs taken in, seconds it took) where runs come so long after the first; the others come too late."""
        self.start_s += 1.0
        self.gathering.begin(self.start_s)
        rounds = 0
        while True:
            rounds += 1
            passed_s = rounds * ROUND_S
            arrived = sum(at_s <= passed_s for at_s in arrivals_s)
            if self.gathering.is_over(self.before + arrived, self.start_s + passed_s):
                self.before += arrived
                return arrived, passed_s


def test_a_run_that_comes_alone_waits_for_two_quiet_rounds_and_no_longer() -> None:
    for together in (False, True):
        clock = Clock(together)
        for _ in range(20):
            # The first round sees the run, two more see nothing new: 30 us.
            assert clock.gather(0.0) == (1, 3 * ROUND_S)


def test_after_company_it_waits_for_as_many_as_came() -> None:
    clock = Clock(together=True)
    spread_s = (0.0, 0.0004, 0.0012)  # 400 and 800 us apart: more than two rounds of 10 us, less than a millisecond
    assert clock.gather(*spread_s)[0] == 1, "nothing is known yet"
    assert clock.gather(0.0, 0.0)[0] == 2, "two at once tell of company"
    taken, passed_s = clock.gather(*spread_s)
    assert taken == 3
    assert 0.0022 <= passed_s < 0.00225, "1200 us until the last, then a millisecond: are there more than two?"
    taken, passed_s = clock.gather(*spread_s)
    assert taken == 3
    assert 0.0022 <= passed_s < 0.00225, "more than two there were, so it looks for more than three"
    for _ in range(8):
        taken, passed_s = clock.gather(*spread_s)
        assert taken == 3
        assert 0.0012 <= passed_s < 0.00125, "three were all, and are enough"
    assert clock.gather(*spread_s)[1] >= 0.0022, "from time to time it looks again"


def test_what_is_left_from_before_waits_for_nobody() -> None:
    """A batch was full, or another signature's was made first: no new run has come, whatever is expected."""
    clock = Clock(together=True)
    clock.gather(0.0, 0.0, 0.0)
    assert clock.gather() == (0, 2 * ROUND_S)
    assert clock.gather(0.0)[1] >= PATIENCE_S, "a new one does wait"


def test_two_groups_that_take_turns_become_one() -> None:
    """Four come at once and four others 0.5 ms later: without looking for more, each four would be run alone."""
    clock = Clock(together=True)
    late_s = (0.0,) * 4 + (0.0005,) * 4
    assert clock.gather(*late_s)[0] == 4
    assert [clock.gather(*late_s)[0] for _ in range(30)] == [8] * 30


def test_it_gives_up_on_those_who_come_no_more() -> None:
    """Of 33 expected, half the rest are given up each time: 33, 17, 9, 5, 3, 2, and from then on one is enough."""
    clock = Clock(together=True)
    clock.gather(*(0.0,) * 33)
    waits_s = [clock.gather(0.0)[1] for _ in range(10)]
    assert [wait_s >= PATIENCE_S for wait_s in waits_s] == [True] * 6 + [False] * 4


def test_an_endless_stream_is_cut() -> None:
    stream_s = [each * ROUND_S for each in range(2000)]
    for together, longest_s in ((False, 0.002), (True, 0.008)):
        taken, passed_s = Clock(together).gather(*stream_s)
        assert longest_s <= passed_s < longest_s + 2 * ROUND_S
        assert taken > 100


def test_runs_made_one_by_one_are_not_waited_for() -> None:
    clock = Clock(together=False)
    assert clock.gather(0.0, 0.0)[0] == 2
    assert clock.gather(0.0, 0.0001) == (1, 3 * ROUND_S)
