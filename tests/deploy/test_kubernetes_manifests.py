"""The manifests: known to Kubernetes' types, locked down, and agreeing with each other and with what they start."""

from __future__ import annotations

import argparse
import functools
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfiles import ROOT, chain, read_dockerfile
from kubernetes_types import documents, faults

from adclick.cli import build_parser as build_verbs
from configs.gateway_loading import load_gateway
from configs.loading import load_settings
from serving.gateway.gateway_command import add_arguments
from serving.replica.replica_command import build_parser
from serving.server.server_flags import parse_server_options

KUBERNETES = ROOT / "deploy" / "kubernetes"
FILES = sorted(KUBERNETES.rglob("*.yaml"))
BASE = KUBERNETES / "base"
KINDS = {
    "Deployment",
    "Service",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "Ingress",
    "CronJob",
}
OVERLAYS = ("staging", "production")
KUSTOMIZE = shutil.which("kustomize") or shutil.which("kubectl")
Manifest = dict[str, Any]


@functools.cache
def rendered(folder: Path) -> list[Manifest]:
    """As `kubectl apply --kustomize` would send it."""
    assert KUSTOMIZE
    command = [KUSTOMIZE, "build"] if KUSTOMIZE.endswith("kustomize") else [KUSTOMIZE, "kustomize"]
    told = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    return [each for each in yaml.safe_load_all(told.stdout) if each]


def base() -> list[Manifest]:
    names = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return [manifest for name in names for manifest in documents(BASE / name)]


@pytest.fixture(params=["base", *OVERLAYS])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """The base as written, and each overlay as kustomize renders it."""
    if request.param == "base":
        return base()
    if KUSTOMIZE is None:
        pytest.skip("neither kustomize nor kubectl is on PATH; the base and each overlay's files are tested without")
    return rendered(KUBERNETES / "overlays" / request.param)


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] == kind]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(each for each in of_kind(manifests, kind) if each["metadata"]["name"] == name)


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Pod templates by workload."""
    found = {each["metadata"]["name"]: each["spec"]["template"] for each in of_kind(manifests, "Deployment")}
    jobs = of_kind(manifests, "CronJob")
    return found | {each["metadata"]["name"]: each["spec"]["jobTemplate"]["spec"]["template"] for each in jobs}


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def container(manifests: list[Manifest], workload: str, name: str) -> Manifest:
    return next(each for each in containers(pods(manifests)[workload]) if each["name"] == name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(KUBERNETES)))
def test_each_file_is_of_kubernetes_types(path: Path) -> None:
    others = ("Kustomization",)
    for manifest in documents(path):
        if "kind" in manifest and manifest["kind"] not in others:
            assert faults(manifest) == []


def test_the_type_check_finds_faults() -> None:
    pod = {"containers": [{"image": 3, "redinessProbe": {}}]}
    broken = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"selector": {}, "template": {"spec": pod}}}
    place = "V1Deployment.spec.template.spec.containers[0]"
    found = faults(broken)
    assert f"{place}.image: 3 is no str" in found
    assert f"{place}: no field 'redinessProbe' in V1Container" in found
    assert any("`name`, must not be `None`" in fault for fault in found)


def test_what_reaches_the_cluster_is_of_kubernetes_types(manifests: list[Manifest]) -> None:
    assert [fault for manifest in manifests for fault in faults(manifest)] == []
    assert {each["kind"] for each in manifests} >= KINDS


def test_pods_are_locked_down(manifests: list[Manifest]) -> None:
    """The restricted profile of the Pod Security Standards, and read-only root file systems."""
    for name, pod in pods(manifests).items():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] == 10001, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        for each in containers(pod):
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, each["name"]
            for kind in ("requests", "limits"):
                assert set(each["resources"][kind]) == {"cpu", "memory"}, each["name"]


def test_long_running_containers_have_probes(manifests: list[Manifest]) -> None:
    for each in of_kind(manifests, "Deployment"):
        for one in each["spec"]["template"]["spec"]["containers"]:
            assert "livenessProbe" in one, one["name"]
            assert ("readinessProbe" in one) is (one["name"] != "replica"), one["name"]  # its models answer without it


def test_only_the_replica_has_the_stores_credentials_and_writes(manifests: list[Manifest]) -> None:
    serving = container(manifests, "adclick-serving", "serving")
    assert not {"env", "envFrom"} & set(serving)
    assert all(mount.get("readOnly") for mount in serving["volumeMounts"] if mount["name"] != "tmp")
    for name in ("first-models", "replica"):
        assert container(manifests, "adclick-serving", name)["envFrom"]


def test_names_that_are_referred_to_exist(manifests: list[Manifest]) -> None:
    templates = pods(manifests)
    for each in of_kind(manifests, "HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        assert named(manifests, target["kind"], target["name"])
        assert "replicas" not in named(manifests, target["kind"], target["name"])["spec"]  # they would fight over it
        for metric in each["spec"]["metrics"]:
            if metric["type"] == "ContainerResource":
                assert container(manifests, target["name"], metric["containerResource"]["container"])
    for each in of_kind(manifests, "PodDisruptionBudget"):
        wanted = each["spec"]["selector"]["matchLabels"].items()
        assert [name for name, pod in templates.items() if wanted <= pod["metadata"]["labels"].items()]
    for each in of_kind(manifests, "Service"):
        chosen = [
            pod for pod in templates.values() if each["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        assert len(chosen) == 1
        ports = {port["name"] for one in containers(chosen[0]) for port in one.get("ports", [])}
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
    for each in of_kind(manifests, "Ingress"):
        assert each["spec"]["tls"][0]["secretName"] == "adclick-gateway-tls"
        for rule in each["spec"]["rules"]:
            assert rule["host"] in each["spec"]["tls"][0]["hosts"]
            for path in rule["http"]["paths"]:
                service = named(manifests, "Service", path["backend"]["service"]["name"])
                assert path["backend"]["service"]["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
    accounts = {each["metadata"]["name"] for each in of_kind(manifests, "ServiceAccount")}
    assert {pod["spec"]["serviceAccountName"] for pod in templates.values()} == accounts


def test_mounts_have_volumes_and_probes_have_ports(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        used = {mount["name"] for one in containers(pod) for mount in one["volumeMounts"]}
        assert used == volumes, name
        for one in containers(pod):
            ports = {port["name"] for port in one.get("ports", [])}
            probes = [one[kind] for kind in ("startupProbe", "readinessProbe", "livenessProbe") if kind in one]
            asked = {probe[how]["port"] for probe in probes for how in ("httpGet", "tcpSocket") if how in probe}
            assert asked <= ports, one["name"]


def test_every_pod_is_under_a_network_policy_both_ways(manifests: list[Manifest]) -> None:
    policies = of_kind(manifests, "NetworkPolicy")
    assert any(each["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for each in policies)
    for name, pod in pods(manifests).items():
        own = [each for each in policies if each["metadata"]["name"] == name]
        assert len(own) == 1, name
        assert own[0]["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        for rule in [*own[0]["spec"].get("ingress", []), *own[0]["spec"].get("egress", [])]:
            assert rule["ports"], name
            assert rule.get("from") or rule.get("to"), name
    health = named(manifests, "Ingress", "adclick-gateway")["spec"]["rules"][0]["http"]["paths"]
    assert [path["path"] for path in health] == ["/v1"]


def test_commands_are_ones_that_the_programs_take(manifests: list[Manifest]) -> None:
    options = parse_server_options(container(manifests, "adclick-serving", "serving")["args"])
    assert options.model_name == "adclick"
    for name in ("first-models", "replica"):
        args = build_parser().parse_args(container(manifests, "adclick-serving", name)["args"])
        assert (str(args.target), args.source) == ("/models/adclick", "$(MODEL_SOURCE)")
        assert args.once is (name == "first-models")
    check = container(manifests, "adclick-serving", "replica")["livenessProbe"]["exec"]["command"]
    stages = chain(read_dockerfile(ROOT / "deploy" / "images" / "gateway.Dockerfile"), "replica")
    entry = next(each.words() for stage in stages for each in stage.all("ENTRYPOINT"))
    assert check[: len(entry)] == entry
    assert build_parser().parse_args(check[len(entry) :]).check > 2 * 30 + 60
    gateway = argparse.ArgumentParser()
    add_arguments(gateway)
    assert gateway.parse_args(container(manifests, "adclick-gateway", "gateway")["args"]).config


def test_the_gateway_has_what_its_settings_name(manifests: list[Manifest], tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_bytes((BASE / "gateway-settings.yaml").read_bytes())
    (tmp_path / "settings.yaml").write_bytes((ROOT / "configs" / "base.yaml").read_bytes())
    gateway = load_gateway(tmp_path / "gateway.yaml").gateway
    service = named(manifests, "Service", "adclick-serving")
    assert service["spec"]["clusterIP"] == "None"  # else one pod would get all calls of a connection
    assert gateway.upstream.server == f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    own = container(manifests, "adclick-gateway", "gateway")
    variables = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in own["env"]}
    assert {gateway.jwt.hs256_secret_variable, gateway.enrichment.redis.url_variable} <= set(variables)
    pod = pods(manifests)["adclick-gateway"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > gateway.listen.drain_delay_s + gateway.listen.drain_s
    assert [port["containerPort"] for port in own["ports"]] == [gateway.listen.port]


def test_overlays_pin_every_image_of_the_base() -> None:
    wanted = {each["image"] for pod in pods(base()).values() for each in containers(pod)}
    for overlay in OVERLAYS:
        file = yaml.safe_load((KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text(encoding="utf-8"))
        pinned = {image["name"]: str(image["newTag"]) for image in file["images"]}
        assert set(pinned) == wanted
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", tag) for tag in pinned.values())
        assert file["namespace"] == f"adclick-{overlay}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_rendered(overlay: str) -> None:
    if KUSTOMIZE is None:
        pytest.skip("neither kustomize nor kubectl is on PATH, and nothing else renders an overlay")
    found = rendered(KUBERNETES / "overlays" / overlay)
    assert {each["metadata"].get("namespace") for each in found if each["kind"] != "Namespace"} == {
        f"adclick-{overlay}"
    }
    submit = container(found, "adclick-monthly-run", "submit")
    image = next(each for each in submit["env"] if each["name"] == "STEPS_IMAGE")
    assert image["value"] == submit["image"] == "ghcr.io/example/adclick-steps:0.1.0"
    maps = {each["metadata"]["name"] for each in of_kind(found, "ConfigMap")}
    text = yaml.safe_dump(found)
    assert maps == set(re.findall(r"(?:name: )(adclick-(?:gateway|serving|settings|model)-[a-z0-9]{10})", text))
    source = next(each for each in of_kind(found, "ConfigMap") if each["metadata"]["name"].startswith("adclick-model"))
    assert overlay in source["data"]["source"]


def test_the_metrics_configuration_is_the_compose_files() -> None:
    text = (ROOT / "deploy" / "monitoring" / "tf_serving.config").read_text(encoding="utf-8")
    assert (BASE / "monitoring.config").read_text(encoding="utf-8") == text
    path = container(base(), "adclick-serving", "serving")
    assert path["name"] == "serving"
    annotations = pods(base())["adclick-serving"]["metadata"]["annotations"]
    assert f'path: "{annotations["prometheus.io/path"]}"' in text


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlays_settings_are_the_pipelines(overlay: str, tmp_path: Path) -> None:
    folder = KUBERNETES / "overlays" / overlay
    settings = load_settings(folder / "settings.yaml")
    file = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    (literals,) = [each["literals"] for each in file["configMapGenerator"] if each["name"] == "adclick-model"]
    assert literals == [f"source={settings.push.root}/{settings.push.model_name}"]
    (tmp_path / "gateway.yaml").write_bytes((BASE / "gateway-settings.yaml").read_bytes())
    (tmp_path / "settings.yaml").write_bytes((folder / "settings.yaml").read_bytes())
    assert load_gateway(tmp_path / "gateway.yaml").gateway.upstream.model_name == settings.push.model_name


def test_the_monthly_run_calls_verbs_with_options_that_exist() -> None:
    submit = container(base(), "adclick-monthly-run", "submit")
    script = submit["command"][-1].replace("\\\n", " ").replace("$STEPS_IMAGE", "registry/adclick:1")
    lines = [shlex.split(line.removeprefix("exec ")) for line in script.splitlines() if line]
    parsed = [build_verbs("kubeflow").parse_args(line[1:]) for line in lines]
    assert [line[:3] for line in lines] == [["adclick", "kubeflow", verb] for verb in ("compile", "lint", "submit")]
    settings = load_settings(KUBERNETES / "overlays" / "staging" / "settings.yaml", tuple(parsed[0].set))
    assert settings.kubeflow.image == "registry/adclick:1"
    token = load_settings(None, tuple(parsed[2].set)).submission.token_file
    mounts = {mount["name"]: mount["mountPath"] for mount in submit["volumeMounts"]}
    assert str(token) == f"{mounts['token']}/token"
    assert submit["command"][:2] == ["sh", "-euc"]
