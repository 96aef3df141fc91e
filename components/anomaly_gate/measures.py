"""How far two sets of statistics lie apart, feature by feature, with how each number was computed.

TFDV passes over a feature whose reference is empty; here that is a measurement without a value, which never holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.anomaly_gate.distances import distribution_distance, divergence, share_distance
from components.anomaly_gate.feature_view import FeatureView, views
from components.anomaly_gate.measured import LABEL_RATE, MISSING, Measured, Side, nothing
from components.anomaly_gate.sampling import share_allowance
from configs.anomalies import Comparison, Drift
from configs.features import FLOAT_KINDS, STRING_KINDS, AnyFeature, Categorical, Hashed, Label


def measure(new: Side, reference: Side, features: Sequence[AnyFeature], limits: Comparison) -> list[Measured]:
    """Each feature's distribution, label rate and presence, as far as `limits` asks for them."""
    ours, theirs = views(new.statistics), views(reference.statistics)
    found = []
    for feature in features:
        threshold = _threshold(feature, limits)
        most_js = limits.js if isinstance(feature, FLOAT_KINDS) else None
        if limits.by_feature.get(feature.name) == "off":
            continue
        if threshold is None and most_js is None and limits.missing is None:
            continue
        here, there = ours.get(feature.name), theirs.get(feature.name)
        empty = _empty(reference.name, there) or _empty(new.name, here)
        if empty or here is None or there is None:
            found.append(nothing(feature.name, empty))
            continue
        if threshold is not None:
            if isinstance(feature, Label):
                found.append(_label_rate(feature.name, here, there, threshold, new.name, reference.name))
            elif isinstance(feature, STRING_KINDS):
                found.append(share_distance(feature.name, here, there, threshold, new, reference))
            else:
                found.append(distribution_distance(feature.name, here, there, threshold, new, reference))
        if most_js is not None:
            found.append(divergence(feature.name, here, there, most_js, new, reference))
        if limits.missing is not None:
            found.append(_missing(feature.name, here, there, limits.missing, new, reference))
    return found


def _threshold(feature: AnyFeature, limits: Comparison) -> float | None:
    """Of the feature's distribution. Identifiers, times, images and texts are new every month: only if asked for."""
    own = limits.by_feature.get(feature.name)
    if own is not None and own != "off":
        return float(own)
    if isinstance(feature, Label):
        return limits.label_rate if isinstance(limits, Drift) else None
    if isinstance(feature, Categorical | Hashed):
        return limits.linf
    return limits.ks if isinstance(feature, FLOAT_KINDS) else None


def _empty(side: str, found: FeatureView | None) -> str:
    if found is None:
        return f"the statistics of {side} lack the feature"
    return "" if found.values else f"no row of {side} has a value of it"


def _missing(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: Side, reference: Side
) -> Measured:
    rows, others = new.statistics.num_examples, reference.statistics.num_examples
    return Measured(
        name,
        MISSING,
        "|share − reference's share| of the rows without a value",
        abs(here.missing - there.missing),
        threshold,
        share_allowance(here.missing, rows, there.missing, others),
        f"{reference.name}: {there.missing:.3g}, {new.name}: {here.missing:.3g}",
    )


def _label_rate(
    name: str, here: FeatureView, there: FeatureView, threshold: float, new: str, reference: str
) -> Measured:
    if not here.impressions:
        return nothing(name, f"the rows of {new} have no impressions")
    if not there.impressions or not there.mean:
        return nothing(name, f"no row of {reference} has label 1")
    return Measured(
        name,
        LABEL_RATE,
        "|rate − reference's rate| / reference's rate",
        abs(here.mean - there.mean) / there.mean,
        threshold,
        share_allowance(here.mean, here.impressions, there.mean, there.impressions) / there.mean,
        f"{reference}: {there.mean:.4g}, {new}: {here.mean:.4g}",
    )
