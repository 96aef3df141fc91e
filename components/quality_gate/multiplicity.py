"""Many comparisons at once: of many slices, one looks bad by chance alone."""

from __future__ import annotations

import numpy as np

from components.evaluator.sliced_rows import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Adjusted p-values, [comparisons]: those at most α are wrong, one or more of them, with probability α at most.

    Whatever the comparisons have to do with each other (Holm 1979, Scandinavian Journal of Statistics 6, 65–70).
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(count, 0, -1)), 1.0)
    return adjusted
