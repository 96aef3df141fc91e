"""Rows for the Evaluator's benchmark: rare clicks, two models' scores, six slice columns of 3 to 3,000 values."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

SLICE_COLUMNS = {"device": 3, "position": 5, "country": 30, "site": 150, "campaign": 350, "creative": 3_000}
"""Name and number of values: 3,538 slices and all rows together."""
FLOAT = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Rows:
    """`scores`: label, candidate and baseline, [rows] each. `columns`: the value of each row, [rows] each."""

    scores: dict[str, FLOAT]
    columns: dict[str, npt.NDArray[np.object_]]


def rows_of(n_rows: int, seed: int = 1) -> Rows:
    """The same rows for the same numbers; a tenth as many values of a column as rows at most."""
    draws = np.random.default_rng(seed)
    logit = -3.5 + 1.2 * draws.normal(size=n_rows)

    def scores(noise: float) -> FLOAT:
        found = 1 / (1 + np.exp(-(logit + noise * draws.normal(size=n_rows))))
        return found.astype(np.float32).astype(np.float64)  # models answer in 32 bits

    label = (draws.random(n_rows) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    columns = {}
    for name, size in SLICE_COLUMNS.items():
        values = np.array([f"{name}-{one}" for one in range(min(size, n_rows))], object)
        columns[name] = values[(len(values) * draws.random(n_rows) ** 1.5).astype(np.int64)]
    return Rows({"label": label, "candidate": scores(0.3), "baseline": scores(0.6)}, columns)


def config_of() -> Any:
    """EvalConfig of adclick's pipeline for candidate and baseline, both read from columns of the data."""
    from components.evaluator.fast_evaluation import filled_in
    from configs.evaluation import Evaluation
    from configs.features import FeatureTable
    from pipeline.evaluation import eval_config

    table = FeatureTable.model_validate(
        [*({"name": name, "kind": "categorical"} for name in SLICE_COLUMNS), {"name": "label", "kind": "label"}]
    )
    settings = Evaluation(slices=tuple((name,) for name in SLICE_COLUMNS))
    config = filled_in(eval_config(settings, table), has_baseline=True)
    for model in config.model_specs:
        model.prediction_key = model.name
        model.signature_name = ""
    return config
