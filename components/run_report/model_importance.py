"""Permutation importance of an exported model, through the signature that takes one tensor for each raw feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from components.run_report.importance import Columns, permutation_importance, spread
from configs.features import FeatureTable

PREDICT, OUTPUT = "predict", "click_probability"


def model_importance(
    saved_model: str, split_uris: Sequence[str], table: FeatureTable, scores: Mapping[str, npt.NDArray[np.float64]]
) -> list[dict[str, Any]] | None:
    """`scores`: label and weight of the split's rows, in file order. None for a model without that signature."""
    import tensorflow as tf

    from components.evaluator.scoring import read_column

    model = tf.saved_model.load(saved_model)
    if PREDICT not in model.signatures:
        return None
    signature = model.signatures[PREDICT]
    missing = {tf.string: "", tf.float32: float("nan"), tf.int64: -(1 << 63)}
    names = {feature.request_name: feature.name for feature in table.model_inputs}
    kept = spread(len(scores["label"]))
    specs = signature.structured_input_signature[1]
    columns = {
        one: tf.constant(
            read_column(split_uris, names.get(one, one), spec.dtype, missing[spec.dtype])[kept], spec.dtype
        )
        for one, spec in specs.items()
    }

    def predict(values: Columns) -> npt.NDArray[np.float64]:
        return np.asarray(signature(**values)[OUTPUT].numpy(), np.float64).reshape(-1)

    weight = scores["weight"][kept] if "weight" in scores else None
    # in the table's order: that of a loaded signature changes from process to process
    features = {name: [one] for one, name in names.items() if one in specs}
    return permutation_importance(predict, columns, features, scores["label"][kept], weight, tf.gather)
