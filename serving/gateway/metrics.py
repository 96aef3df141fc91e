"""Prometheus metrics. Counts that other parts keep anyway are read when a scrape comes, not at each request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Reading(NamedTuple):
    """A number that is read at each scrape."""

    name: str
    help_text: str
    counter: bool
    read: Callable[[], float]


class Metrics:
    """What the gateway counts, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "adclick_gateway_requests", "Answers by HTTP status and code.", ["status", "code"], registry=self._registry
        )
        self._rows = Counter("adclick_gateway_rows", "Rows by code.", ["code"], registry=self._registry)
        self._seconds = Histogram(
            "adclick_gateway_request_seconds",
            "Time from a predict request's head to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._of_request: dict[tuple[int, str], Counter] = {}  # labels() costs more than counting
        self._of_row: dict[str, Counter] = {}

    def count_request(self, status: int, code: str, seconds: float) -> None:
        """Counts an answer to a predict request."""
        counter = self._of_request.get((status, code))
        if counter is None:
            counter = self._of_request[status, code] = self._requests.labels(str(status), code)
        counter.inc()
        self._seconds.observe(seconds)

    def count_row(self, code: str) -> None:
        """Counts a row."""
        counter = self._of_row.get(code)
        if counter is None:
            counter = self._of_row[code] = self._rows.labels(code)
        counter.inc()

    def add_readings(self, readings: Iterable[Reading]) -> None:
        """Numbers to read at each scrape."""
        self._registry.register(_Readings(list(readings)))

    def text(self) -> bytes:
        """All metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)


class _Readings(Collector):
    def __init__(self, readings: list[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        for reading in self._readings:
            family = CounterMetricFamily if reading.counter else GaugeMetricFamily
            yield family(f"adclick_gateway_{reading.name}", reading.help_text, value=reading.read())
