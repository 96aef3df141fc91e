"""How far two samples of one population may lie apart by chance: added to a threshold, so that small spans pass.

Rows are taken as independent. Rows that come in clusters, such as all of a user's, vary more than this.
"""

from __future__ import annotations

import math

DEVIATIONS = 4.0
"""Standard deviations that count as chance: 1 in 16,000 for one share, and a run looks at some hundreds."""


def share_allowance(share: float, count: float, other_share: float, other_count: float) -> float:
    """4 √(p (1 − p) (1/n + 1/m)), p the share in both samples together: for the difference of two shares."""
    pooled = (share * count + other_share * other_count) / (count + other_count)
    return DEVIATIONS * math.sqrt(pooled * (1 - pooled) * (1 / count + 1 / other_count))


def distribution_allowance(count: int, other_count: int) -> float:
    """2 √(1/n + 1/m): that of a share at its widest, ½. Kolmogorov–Smirnov is beyond it 7 times in 10,000."""
    return DEVIATIONS * 0.5 * math.sqrt(1 / count + 1 / other_count)


def divergence_allowance(buckets: int, count: int, other_count: int) -> float:
    """(1/n + 1/m) / (8 ln 2) · (k − 1 + 4 √(2 (k − 1))) bits, for the Jensen–Shannon divergence over k buckets.

    To second order the divergence of two samples is χ² / (8 ln 2) · (1/n + 1/m) with k − 1 degrees of freedom, whose
    mean is k − 1 and whose variance 2 (k − 1).
    """
    degrees = max(buckets - 1, 0)
    chi_squared = degrees + DEVIATIONS * math.sqrt(2 * degrees)
    return chi_squared * (1 / count + 1 / other_count) / (8 * math.log(2))
