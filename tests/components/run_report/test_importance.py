"""Permutation importance of a model that is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from components.run_report.importance import Columns, permutation_importance, spread

RANDOM = np.random.default_rng(3)
COLUMNS = {name: RANDOM.random(1000) for name in ("used", "unused")}
LABEL = (COLUMNS["used"] > 0.5).astype(np.float64)


def predict(columns: Columns) -> npt.NDArray[np.float64]:
    return np.asarray(columns["used"], np.float64)


def test_what_the_model_uses_matters_and_what_it_does_not_use_does_not() -> None:
    """The column alone ranks perfectly, AUC 1; shuffled it is chance, AUC one half."""
    found = permutation_importance(predict, COLUMNS, {"a": ["used"], "b": ["unused"]}, LABEL)
    assert found is not None
    first, second = found
    assert (first["feature"], second["feature"]) == ("a", "b")
    assert first["auc_drop"] == pytest.approx(0.5, abs=0.05)
    assert first["low"] <= first["auc_drop"] <= first["high"]
    assert second == {"feature": "b", "auc_drop": 0.0, "low": 0.0, "high": 0.0}


def test_the_shuffles_are_the_same_each_time_whatever_other_features_there_are() -> None:
    alone = permutation_importance(predict, COLUMNS, {"a": ["used"]}, LABEL)
    behind = permutation_importance(predict, COLUMNS, {"b": ["unused"], "a": ["used"]}, LABEL)
    assert alone is not None
    assert behind is not None
    assert alone == behind[1:]


def test_one_class_has_no_importance() -> None:
    assert permutation_importance(predict, COLUMNS, {"a": ["used"]}, np.zeros(1000)) is None


def test_rows_are_spread_evenly() -> None:
    assert spread(3).tolist() == [0, 1, 2]
    assert spread(9, 3).tolist() == [0, 4, 8]
