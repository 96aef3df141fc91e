"""Every metric and label that the dashboard and the alerts ask for is one that gateway or model server exports."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator

import pytest
import yaml
from gateway_process import ROW, GatewayProcess
from prometheus_client.parser import text_string_to_metric_families
from server_process import REPOSITORY, ServerProcess

MONITORING = REPOSITORY / "deploy" / "monitoring"
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
WORDS = {"sum", "rate", "increase", "max", "min", "absent", "vector", "histogram_quantile", "by", "or", "and"}


def dashboard() -> dict[str, object]:
    text = (MONITORING / "grafana" / "dashboards" / "adclick.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def expressions() -> Iterator[tuple[str, str, list[str]]]:
    """(where it stands, PromQL, labels that a legend writes out)."""
    panels: list[dict[str, object]] = dashboard()["panels"]  # type: ignore[assignment]
    for panel in panels:
        for target in panel.get("targets", []):  # type: ignore[attr-defined]
            yield str(panel["title"]), target["expr"], re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        yield rule["alert"], rule["expr"], []


@pytest.fixture(scope="module")
def exported(gateway: GatewayProcess, model_server: ServerProcess) -> dict[str, set[str]]:
    """Label names by metric, after a good request and a refused one."""
    assert gateway.predict(ROW)[0] == 200
    assert gateway.predict({**ROW, "bid": "much"})[0] == 422
    config = (MONITORING / "tf_serving.config").read_text(encoding="utf-8")
    path = re.search(r'path: "([^"]+)"', config)
    assert path
    with urllib.request.urlopen(f"http://127.0.0.1:{model_server.rest_port}{path[1]}", timeout=20) as reply:
        served = reply.read().decode()
    found: dict[str, set[str]] = {}
    for text in (gateway.http("GET", "/metrics")[1], served):
        untyped = re.sub(r"^# TYPE .*$", "", text, flags=re.MULTILINE)  # the parser would add _total to typed counters
        for family in text_string_to_metric_families(untyped):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize(("place", "expression", "legend"), [pytest.param(*each, id=each[0]) for each in expressions()])
def test_an_expression_asks_for_what_is_exported(
    place: str, expression: str, legend: list[str], exported: dict[str, set[str]]
) -> None:
    grouped = {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",")}
    bare = re.sub(r"\[[^\]]*\]", "", GROUPING.sub("", expression))
    selectors = [(name, inner) for name, inner in SELECTOR.findall(bare) if name not in WORDS]
    names = {name for name, _ in selectors if not re.fullmatch(r"\d.*|e\d+", name)}
    assert names, place
    assert names - set(exported) == set(), place
    labels = set.intersection(*(exported[name] for name in names))
    for name, inner in selectors:
        assert {label for label, _, _ in MATCHER.findall(inner)} <= exported[name], place
    assert grouped <= labels, place
    assert set(legend) <= grouped, place  # an aggregation drops the others


def test_matched_values_are_ones_that_occur() -> None:
    """`ok` is the gateway's code (serving/gateway/codes.py) and `OK` the model server's status."""
    matched = {found for _, expression, _ in expressions() for found in MATCHER.findall(expression)}
    assert matched == {("status", "=~", "5.."), ("code", "!=", "ok"), ("status", "!=", "OK")}


def test_the_dashboard_is_whole() -> None:
    panels: list[dict[str, object]] = dashboard()["panels"]  # type: ignore[assignment]
    provisioned = yaml.safe_load(
        (MONITORING / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    )
    sources = {panel["datasource"]["uid"] for panel in panels if "datasource" in panel}  # type: ignore[index]
    assert sources == {source["uid"] for source in provisioned["datasources"]}
    assert len({panel["id"] for panel in panels}) == len(panels) >= 15
    assert all(panel.get("description") for panel in panels if panel["type"] != "row")


def test_every_metric_of_the_gateway_is_on_the_dashboard(exported: dict[str, set[str]]) -> None:
    shown = json.dumps(dashboard())
    families = {
        re.sub(r"_(bucket|count|sum|created)$", "", name) for name in exported if name.startswith("adclick_gateway")
    }
    assert {name for name in families if name not in shown and f"{name}_total" not in shown} == set()
