"""The two comparisons that the gate makes: newest span against the one before, training against serving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from components.anomaly_gate.measured import Measured, Side
from components.anomaly_gate.measures import measure
from components.anomaly_gate.statistics_files import StatisticsError, read_statistics
from configs.anomalies import AnomalyLimits, Comparison
from configs.features import FeatureTable

CHECKED, UNCHECKED, EMPTY, OFF = "checked", "unchecked", "empty", "off"


class Compared(NamedTuple):
    """What came of a comparison. Only `checked` with every measurement held is a pass."""

    state: str
    reason: str = ""
    """Why nothing was measured."""
    new: str = ""
    reference: str = ""
    reference_uri: str = ""
    measured: tuple[Measured, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For verdict.json, each measurement with its own verdict."""
        numbers = [{**one._asdict(), "held": one.held} for one in self.measured]
        return {**self._asdict(), "measured": numbers}


def drift(spans: Mapping[int, str], earlier: tuple[int, str] | None, note: str, table: FeatureTable,
          limits: AnomalyLimits) -> Compared:  # fmt: skip
    """`spans`: the run's own statistics files by span; `earlier`: an earlier run's span and file; `note`: why none."""
    if not _anything(limits.drift):
        return Compared(OFF, "anomalies.drift asks for no comparison")
    if not spans:
        return Compared(UNCHECKED, "the run has no statistics by span")
    newest, *others = sorted(spans, reverse=True)
    before = (others[0], spans[others[0]]) if others else earlier
    if before is None:
        return Compared(UNCHECKED, f"no earlier span than span {newest}{note and f'; {note}'}", f"span {newest}")
    return _compare(
        (f"span {newest}", spans[newest]),
        (f"span {before[0]}", before[1]),
        lambda new, reference: measure(new, reference, table.written, limits.drift),
    )


def skew(training: str, table: FeatureTable, limits: AnomalyLimits) -> Compared:
    """`training`: statistics file of the training rows. Of what a request brings; it has no label, weight or key."""
    if limits.serving_statistics is None:
        return Compared(OFF, "anomalies.serving_statistics names no file")
    if not _anything(limits.skew):
        return Compared(OFF, "anomalies.skew asks for no comparison")
    return _compare(
        ("training", training),
        ("serving", limits.serving_statistics),
        lambda new, reference: measure(new, reference, table.model_inputs, limits.skew),
    )


def _anything(limits: Comparison) -> bool:
    own = any(value != "off" for value in limits.by_feature.values())
    return own or any(value is not None for key, value in limits if key != "by_feature")


def _compare(
    new: tuple[str, str], reference: tuple[str, str], measured: Callable[[Side, Side], list[Measured]]
) -> Compared:
    sides = []
    for name, uri in (reference, new):
        try:
            sides.append(Side(name, read_statistics(uri), uri))
        except StatisticsError as error:
            return Compared(EMPTY, f"the statistics of {name} ({uri}): {error}", new[0], reference[0], reference[1])
    there, here = sides
    numbers = measured(here, there)
    if not numbers:
        return Compared(OFF, "no feature is compared", str(here), str(there), there.uri)
    return Compared(CHECKED, "", str(here), str(there), there.uri, tuple(numbers))
