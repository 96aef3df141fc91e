"""The normal law, from Python's own mathematics."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from components.evaluator.metrics import FloatArray


def normal_quantile(probability: float) -> float:
    """The value that a standard normal falls below with this probability."""
    return NormalDist().inv_cdf(probability)


def normal_tail(values: FloatArray) -> FloatArray:
    """P(standard normal > value), exact far out too; the shape of `values`."""
    return np.array([0.5 * math.erfc(value / math.sqrt(2)) for value in values], np.float64)
