"""Thinned negatives weighed back in stock TFMA, which has no setting for that: a step behind its own extractors."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.evaluator.downsampling import THINNING, Thinning, restored_rows


def custom_extractors(eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any) -> list[Any]:
    """TFMA's extractors, and behind the one that takes batches apart one that puts label and weight right."""
    import apache_beam as beam
    import tensorflow_model_analysis as tfma
    from tensorflow_model_analysis.extractors import unbatch_extractor

    extractors: list[Any] = tfma.default_extractors(
        eval_shared_model=eval_shared_model, eval_config=eval_config, tensor_adapter_config=tensor_adapter_config
    )
    unbatch = unbatch_extractor.UnbatchExtractor().stage_name
    place = next(number for number, one in enumerate(extractors, 1) if one.stage_name == unbatch)
    weigh = beam.Map(functools.partial(weighed_back, thinning=THINNING.get()))
    extractors.insert(place, tfma.extractors.Extractor(stage_name="WeighBackNegatives", ptransform=weigh))
    return extractors


def weighed_back(extracts: dict[str, Any], thinning: Thinning) -> dict[str, Any]:
    """One row's extracts. Where there are two models, TFMA has the label and the weight of each, by name."""
    labels, weights = extracts["labels"], extracts["example_weights"]
    if isinstance(labels, Mapping):
        pairs = {name: _restored(labels[name], weights[name], thinning) for name in labels}
        label, weight = ({name: pair[which] for name, pair in pairs.items()} for which in (0, 1))
        return {**extracts, "labels": label, "example_weights": weight}
    restored = _restored(labels, weights, thinning)
    return {**extracts, "labels": restored[0], "example_weights": restored[1]}


def _restored(label: Any, weight: Any, thinning: Thinning) -> tuple[Any, Any]:
    given = np.asarray(weight, np.float64) if thinning.weighted else None
    return restored_rows(np.asarray(label, np.float64), given, thinning.kept_share)
