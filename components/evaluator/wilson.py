"""Interval of a click rate: E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal
of the American Statistical Association 22 (1927), 209-212.

Unlike the normal approximation it stays within [0, 1] and holds for the small rates of clicks. It needs no package, so
that the gateway has it too.
"""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""The normal distribution's quantile at 0.975."""


def wilson_interval(clicks: float, impressions: float, z: float = Z_95) -> tuple[float, float]:
    """Bounds of the click rate. `impressions` > 0; both may be sums of weights."""
    rate = clicks / impressions
    shrink = 1 + z * z / impressions
    centre = (rate + z * z / (2 * impressions)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / impressions + z * z / (4 * impressions * impressions))
    return max(0.0, centre - half), min(1.0, centre + half)
