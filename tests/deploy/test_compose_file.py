"""The compose file: pinned images, no root, no privileges, mounted files that are there, ports on loopback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfiles import ROOT, read_dockerfile

from configs.gateway_loading import load_gateway
from serving.server.server_flags import parse_server_options

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCRAPES = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yaml").read_text(encoding="utf-8"))


def test_the_services() -> None:
    assert set(SERVICES) == {"serving", "gateway", "redis", "prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_bounded_and_without_privileges(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+(-alpine)?", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert service["cpus"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "healthcheck" in service or "build" in service  # the gateway's is its image's
    assert set(service["networks"]) <= set(COMPOSE["networks"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = re.sub(r"^\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
        if source.startswith("."):
            made_by_a_run = source == "../out/serving"
            assert made_by_a_run or (DEPLOY / source).exists(), volume
            assert volume.endswith(":ro"), volume
        else:
            assert source in COMPOSE["volumes"], volume


def test_secrets_come_from_the_environment_and_are_demanded() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|KEY|URL|AUTH", name):
                assert value is None or "${" in value, name
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    assert asked == {"ADCLICK_JWT_SECRET", "ADCLICK_REDIS_PASSWORD", "ADCLICK_GRAFANA_PASSWORD"}


def test_the_build_names_a_stage_that_exists() -> None:
    build = SERVICES["gateway"]["build"]
    path = (DEPLOY / build["context"] / build["dockerfile"]).resolve()
    assert build["target"] in {stage.name for stage in read_dockerfile(path)}
    assert (DEPLOY / build["context"]).resolve() == ROOT


def test_tf_serving_is_started_with_flags_that_it_knows() -> None:
    """Our server takes tensorflow_model_server's flags, and refuses unknown ones."""
    options = parse_server_options(SERVICES["serving"]["command"])
    assert options.model_name == "adclick"
    assert not any("batching" in flag for flag in SERVICES["serving"]["command"])
    version = re.search(
        r"^tensorflow-serving-api==([\d.]+)", (ROOT / "requirements" / "portable.lock").read_text(), re.M
    )
    assert version
    assert SERVICES["serving"]["image"] == f"tensorflow/serving:{version[1]}"


def test_the_gateways_settings_fit_the_services(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_bytes((DEPLOY / "compose" / "gateway.yaml").read_bytes())
    (tmp_path / "settings.yaml").write_bytes((ROOT / "configs" / "base.yaml").read_bytes())
    gateway = load_gateway(tmp_path / "gateway.yaml").gateway
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in SERVICES["serving"]["command"])
    assert gateway.upstream.server == f"serving:{flags['port']}"
    assert gateway.upstream.model_name == flags["model_name"]
    assert SERVICES["gateway"]["ports"] == [f"127.0.0.1:8080:{gateway.listen.port}"]
    environment = SERVICES["gateway"]["environment"]
    assert {gateway.jwt.hs256_secret_variable, gateway.enrichment.redis.url_variable} <= set(environment)
    seconds = float(SERVICES["gateway"]["stop_grace_period"].removesuffix("s"))
    assert seconds > gateway.listen.drain_delay_s + gateway.listen.drain_s


def test_prometheus_asks_services_on_ports_that_they_have() -> None:
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in SCRAPES["scrape_configs"]}
    assert (targets["gateway"], targets["serving"]) == (["gateway:8080"], ["serving:8501"])
    paths = {job["job_name"]: job.get("metrics_path", "/metrics") for job in SCRAPES["scrape_configs"]}
    assert f'path: "{paths["serving"]}"' in (DEPLOY / "monitoring" / "tf_serving.config").read_text(encoding="utf-8")
    for file in SCRAPES["rule_files"]:
        assert (DEPLOY / "monitoring" / file).is_file()
        assert any(file in volume for volume in SERVICES["prometheus"]["volumes"])
