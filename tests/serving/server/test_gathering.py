"""How long runs are taken in, on a clock of the test's own."""

from __future__ import annotations

from serving.server.gathering import Gathering

ROUND_S = 0.00001


def gather(gathering: Gathering, arrivals_s: list[float], start_s: float = 0.0, before: int = 0) -> tuple[int, float]:
    """(runs taken in, seconds it took) where runs come at `arrivals_s` after `start_s`, and a round takes 10 us."""
    gathering.begin(start_s)
    rounds = 0
    while True:
        rounds += 1
        passed_s = rounds * ROUND_S
        arrived = sum(at_s <= passed_s for at_s in arrivals_s)
        if gathering.is_over(before + arrived, start_s + passed_s):
            return arrived, passed_s


def test_a_run_that_comes_alone_waits_for_two_quiet_rounds_and_no_longer() -> None:
    for together in (False, True):
        gathering = Gathering(together)
        for request in range(20):
            # The first round sees the run, two more see nothing new: 30 us.
            assert gather(gathering, [0.0], start_s=float(request), before=request) == (1, 3 * ROUND_S)


def test_company_makes_patient_until_runs_come_alone_again() -> None:
    gathering = Gathering(together=True)
    spread_s = [0.0, 0.0001, 0.00025]  # 100 and 150 us apart: more than two rounds of 10 us, less than 200 us
    assert gather(gathering, spread_s)[0] == 1, "nothing is known yet"
    assert gather(gathering, [0.0, 0.0], start_s=1.0, before=3)[0] == 2, "two at once tell of company"
    taken, passed_s = gather(gathering, spread_s, start_s=2.0, before=5)
    assert taken == 3
    assert 0.00045 <= passed_s < 0.0005, "250 us until the last, then 200 us of patience"
    waits_s = [gather(gathering, [0.0], start_s=3.0 + alone, before=8 + alone)[1] for alone in range(6)]
    assert [wait_s >= 0.0002 for wait_s in waits_s] == [True] * 4 + [False] * 2


def test_an_endless_stream_is_cut() -> None:
    stream_s = [each * ROUND_S for each in range(2000)]
    for together, longest_s in ((False, 0.002), (True, 0.004)):
        taken, passed_s = gather(Gathering(together), stream_s)
        assert longest_s <= passed_s < longest_s + 2 * ROUND_S
        assert taken > 100


def test_runs_made_one_by_one_are_not_waited_for() -> None:
    gathering = Gathering(together=False)
    assert gather(gathering, [0.0, 0.0])[0] == 2
    assert gather(gathering, [0.0, 0.0001], start_s=1.0, before=2) == (1, 3 * ROUND_S)
