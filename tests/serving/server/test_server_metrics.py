"""The Prometheus page under TensorFlow Serving's names."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from serving.server.metrics import Metrics


def test_the_page_is_prometheus_text_with_the_originals_names() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.count_request("click", "OK")
    metrics.count_request('a"b\n\\', "NOT_FOUND")
    metrics.add_request_latency("click", "Predict", "REST", 12e-6)
    metrics.add_request_latency("click", "Predict", "REST", 5e-3)
    metrics.add_runtime_latency("click", "Predict", 30e-6)
    page = metrics.page()
    assert ':tensorflow:serving:request_count{model_name="click",status="OK"} 3\n' in page
    assert "# TYPE :tensorflow:serving:request_latency histogram\n" in page
    families = {family.name: family for family in text_string_to_metric_families(page)}
    samples = families[":tensorflow:serving:request_latency"].samples
    buckets = {sample.labels["le"]: sample.value for sample in samples if sample.name.endswith("_bucket")}
    # 10 us, then 1.8 times more each: 12 us falls below 18, 5000 us below 10 * 1.8**11 = 6426.84.
    assert (buckets["10"], buckets["18"], buckets["3570.47"], buckets["6426.84"], buckets["+Inf"]) == (0, 1, 1, 2, 2)
    assert len(buckets) == 34
    sums = {sample.name: sample.value for sample in samples if not sample.name.endswith("_bucket")}
    assert sums == {
        ":tensorflow:serving:request_latency_sum": 5012.0, ":tensorflow:serving:request_latency_count": 2,
    }  # fmt: skip
    counts = families[":tensorflow:serving:request_count"].samples
    assert {sample.labels["model_name"]: sample.value for sample in counts} == {"click": 3, 'a"b\n\\': 1}
    assert metrics.value("/tensorflow/serving/request_count") == 4


def test_clients_cannot_fill_the_memory_with_names() -> None:
    metrics = Metrics()
    for number in range(5000):
        metrics.count_request(f"model-{number}", "NOT_FOUND")
    assert metrics.page().count("NOT_FOUND") == 4097  # the limit, and one series for all the rest
    assert metrics.value("/tensorflow/serving/request_count") == 5000


def test_examples_of_multi_inference_are_counted_in_powers_of_two() -> None:
    metrics = Metrics()
    for count in (1, 3):
        metrics.add_examples("click", count)
    page = metrics.page()
    assert ':tensorflow:serving:request_example_count_total{model="click"} 4\n' in page
    assert ':tensorflow:serving:request_example_counts_bucket{model="click",le="2"} 1\n' in page
    assert ':tensorflow:serving:request_example_counts_bucket{model="click",le="4"} 2\n' in page
    assert ':tensorflow:serving:request_example_counts_bucket{model="click",le="16384"} 2\n' in page
    assert ':tensorflow:serving:request_example_counts_count{model="click"} 2\n' in page
