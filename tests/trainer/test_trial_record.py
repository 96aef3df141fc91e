"""The lines that tell a search."""

from __future__ import annotations

import pytest

from adclick.errors import AdclickError
from trainer.trial_record import TrialRecord, best_line, best_of, own_log_loss, trial_line

OWN = TrialRecord(1, {"model.dropout": 0.1, "model.deep_units": [32]}, True, 0.3, 2.04, None)
WORSE = TrialRecord(2, {"model.dropout": 0.123456, "model.deep_units": [64]}, False, 0.31, 3.0, None)
FAILED = TrialRecord(3, {"model.dropout": 0.4, "model.deep_units": []}, False, None, None, "ValueError: no layers")
BETTER = TrialRecord(4, {"model.dropout": 0.0, "model.deep_units": [8, 4]}, False, 0.29, 1.0, None)


def test_each_trial_is_compared_with_those_before() -> None:
    assert trial_line([OWN], 9) == (
        "trial 1/9: log loss 0.30000 (the best so far), 2.0 s; model.dropout 0.1, model.deep_units [32] "
        "(the settings’ own)"
    )
    assert trial_line([OWN, WORSE], 9) == (
        "trial 2/9: log loss 0.31000 (best 0.30000 of trial 1), 3.0 s; model.dropout 0.1235, model.deep_units [64]"
    )
    assert trial_line([OWN, WORSE, FAILED], 9) == (
        "trial 3/9: failed: ValueError: no layers; model.dropout 0.4, model.deep_units []"
    )


def test_the_end_names_the_best_the_settings_own_and_what_failed() -> None:
    assert best_line([OWN, WORSE]) == "best: trial 1 with log loss 0.30000; the settings’ own have 0.30000"
    assert best_line([OWN, FAILED, BETTER]) == (
        "best: trial 4 with log loss 0.29000; the settings’ own have 0.30000; 1 of 3 trials failed"
    )
    assert best_line([WORSE]) == "best: trial 2 with log loss 0.31000"


def test_of_equals_the_first_is_the_best() -> None:
    assert best_of([WORSE, OWN, OWN._replace(trial=7)]).trial == 1


def test_the_own_values_may_have_failed() -> None:
    assert own_log_loss([OWN._replace(log_loss=None), WORSE]) is None


@pytest.mark.parametrize("records", [[FAILED, FAILED._replace(error="another")], []])
def test_without_a_completed_trial_the_first_cause_is_told(records: list[TrialRecord]) -> None:
    cause = "ValueError: no layers" if records else "none was made"
    with pytest.raises(AdclickError, match=rf"all {len(records)} trials of the tuner failed; the first: {cause}; mend"):
        best_of(records)
