"""Rows for the Evaluator's benchmark: rare clicks, two models' scores, six slice columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

SLICE_COLUMNS = {"device": 3, "position": 5, "country": 12, "site": 20, "campaign": 30, "creative": 30}
"""Name and number of values: 100 slices and all rows together. Stock TFMA takes a quarter of a second for each."""
FLOAT = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Rows:
    """`scores`: label, candidate and baseline, [rows] each. `columns`: the value of each row, [rows] each."""

    scores: dict[str, FLOAT]
    columns: dict[str, npt.NDArray[np.object_]]


def rows_of(n_rows: int, sizes: dict[str, int] | None = None, seed: int = 1) -> Rows:
    """The same rows for the same numbers. `sizes`: slice columns and their numbers of values."""
    draws = np.random.default_rng(seed)
    logit = -3.5 + 1.2 * draws.normal(size=n_rows)

    def scores(noise: float) -> FLOAT:
        found = 1 / (1 + np.exp(-(logit + noise * draws.normal(size=n_rows))))
        return np.asarray(found.astype(np.float32), np.float64)  # models answer in 32 bits

    label = (draws.random(n_rows) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    columns = {}
    for name, size in (sizes or SLICE_COLUMNS).items():
        values = np.array([f"{name}-{one}" for one in range(size)], object)
        columns[name] = values[(len(values) * draws.random(n_rows) ** 1.5).astype(np.int64)]
    return Rows({"label": label, "candidate": scores(0.3), "baseline": scores(0.6)}, columns)


def config_of(names: Iterable[str] = tuple(SLICE_COLUMNS), baseline: bool = True) -> Any:
    """EvalConfig of adclick's pipeline, by slices of the columns `names`, with scores read from columns of the data."""
    from components.evaluator.fast_evaluation import filled_in
    from configs.evaluation import Evaluation
    from configs.features import FeatureTable
    from pipeline.evaluation import eval_config

    columns = tuple(names)
    table = FeatureTable.model_validate(
        [*({"name": name, "kind": "categorical"} for name in columns), {"name": "label", "kind": "label"}]
    )
    settings = Evaluation(slices=tuple((name,) for name in columns))
    config = filled_in(eval_config(settings, table), has_baseline=baseline)
    for model in config.model_specs:
        model.prediction_key = model.name or "candidate"
        model.signature_name = ""
    for metric in config.metrics_specs[0].metrics:  # TFMA takes these with models only, not with columns of scores
        for threshold in metric.per_slice_thresholds:
            threshold.threshold.ClearField("change_threshold")
    return config
