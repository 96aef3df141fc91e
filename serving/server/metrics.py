"""Counters and latencies under TensorFlow Serving's names, as a Prometheus page.

Source: tensorflow_serving/servables/tensorflow/util.cc (names, labels, buckets) and util/prometheus_exporter.cc (text).
prometheus_client would add `_total` to the counter's name. Used on the event loop's thread only.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# 10 us, then 1.8 times more each, 33 buckets: up to about 20 minutes.
_BUCKET_LIMITS_US = [10 * 1.8**power for power in range(33)]
_EXAMPLE_LIMITS = [2.0**power for power in range(15)]
_MAX_SERIES = 4096  # clients name the models: without a limit, they could fill the memory


class _Histogram:
    __slots__ = ("counts", "limits", "total")

    def __init__(self, limits: Sequence[float] = _BUCKET_LIMITS_US) -> None:
        self.counts = [0] * (len(limits) + 1)
        self.limits = limits
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect.bisect_right(self.limits, value)] += 1
        self.total += value


class Metrics:
    """What has been served since the start."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str], int] = {}
        self._request_latency: dict[tuple[str, str, str], _Histogram] = {}
        self._runtime_latency: dict[tuple[str, str, str], _Histogram] = {}
        self._examples: dict[tuple[str, ...], _Histogram] = {}

    def count_request(self, model_name: str, status: str) -> None:
        """One request was answered with `status`, a canonical code's name."""
        key = (model_name, status)
        if key not in self._requests and len(self._requests) >= _MAX_SERIES:
            key = ("", status)
        self._requests[key] = self._requests.get(key, 0) + 1

    def add_request_latency(self, model_name: str, api: str, entrypoint: str, latency_s: float) -> None:
        """A request was answered without error after `latency_s`; `entrypoint`: GRPC or REST."""
        _histogram(self._request_latency, (model_name, api, entrypoint)).add(latency_s * 1e6)

    def add_runtime_latency(self, model_name: str, api: str, latency_s: float) -> None:
        """TensorFlow took `latency_s` for the run that a request was part of."""
        _histogram(self._runtime_latency, (model_name, api, "TF1")).add(latency_s * 1e6)

    def add_examples(self, model_name: str, count: int) -> None:
        """A MultiInference request with `count` examples was answered; the original counts no others."""
        self._examples.setdefault((model_name,), _Histogram(_EXAMPLE_LIMITS)).add(count)

    def value(self, metric_name: str) -> int:
        """The counter that ReloadConfigRequest.metric_names calls `metric_name`; 0 for an unknown one."""
        if metric_name == "/tensorflow/serving/request_count":
            return sum(self._requests.values())
        return 0

    def page(self) -> str:
        """All metrics in Prometheus' text format."""
        lines = ["# TYPE :tensorflow:serving:request_count counter"]
        for (model_name, status), count in self._requests.items():
            labels = _labels(("model_name", "status"), (model_name, status))
            lines.append(f":tensorflow:serving:request_count{{{labels}}} {count}")
        lines.append("# TYPE :tensorflow:serving:request_example_count_total counter")
        for key, histogram in self._examples.items():
            labels = _labels(("model",), key)
            lines.append(f":tensorflow:serving:request_example_count_total{{{labels}}} {histogram.total:.0f}")
        lines += _histogram_lines("request_example_counts", ("model",), self._examples)
        lines += _histogram_lines("request_latency", ("model_name", "API", "entrypoint"), self._request_latency)
        lines += _histogram_lines("runtime_latency", ("model_name", "API", "runtime"), self._runtime_latency)
        return "\n".join(lines) + "\n"


def _histogram(series: dict[tuple[str, str, str], _Histogram], key: tuple[str, str, str]) -> _Histogram:
    found = series.get(key)
    if found is None:
        found = series[key] = _Histogram()
    return found


def _histogram_lines(name: str, label_names: Sequence[str], series: Mapping[Any, _Histogram]) -> Iterator[str]:
    metric = f":tensorflow:serving:{name}"
    yield f"# TYPE {metric} histogram"
    for key, histogram in series.items():
        limits = [f"{limit:g}" for limit in histogram.limits] + ["+Inf"]
        labels = _labels(label_names, key)
        cumulative = 0
        for limit, count in zip(limits, histogram.counts, strict=True):
            cumulative += count
            yield f'{metric}_bucket{{{labels},le="{limit}"}} {cumulative}'
        yield f"{metric}_sum{{{labels}}} {histogram.total:.6g}"
        yield f"{metric}_count{{{labels}}} {cumulative}"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
