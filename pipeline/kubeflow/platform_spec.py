"""What Kubernetes adds to a compiled pipeline: secrets and volumes by name, how images are pulled.

The platform spec is the second document of the YAML; its fields are those of
kubernetes_platform/proto/kubernetes_executor_config.proto in kubeflow/pipelines, in the form that 2.0 knows too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from configs.kubeflow import Kubeflow, Resources


def platform_spec(settings: Kubeflow, executors: Iterable[str]) -> dict[str, Any] | None:
    """The same for every executor; None where nothing is asked for."""
    asked = _executor_config(settings)
    if not asked:
        return None
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": dict.fromkeys(sorted(executors), asked)}}}}


def _executor_config(settings: Kubeflow) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if settings.secrets:
        by_secret: dict[str, list[dict[str, str]]] = {}
        for variable, source in sorted(settings.secrets.items()):
            by_secret.setdefault(source.secret, []).append({"secretKey": source.key, "envVar": variable})
        config["secretAsEnv"] = [{"secretName": name, "keyToEnv": keys} for name, keys in sorted(by_secret.items())]
    if settings.volumes:
        config["pvcMount"] = [{"constant": volume.claim, "mountPath": volume.path} for volume in settings.volumes]
    if settings.image_pull_secrets:
        config["imagePullSecret"] = [{"secretName": name} for name in settings.image_pull_secrets]
    if settings.image_pull_policy:
        config["imagePullPolicy"] = settings.image_pull_policy
    return config


def resource_spec(resources: Resources) -> dict[str, Any]:
    """PipelineContainerSpec.ResourceSpec: cores and 10⁹ bytes."""
    values = {
        "cpuRequest": resources.cpu_request,
        "cpuLimit": resources.cpu_limit,
        "memoryRequest": resources.memory_request_gb,
        "memoryLimit": resources.memory_limit_gb,
    }
    spec: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    if resources.gpu_count:
        spec["accelerator"] = {"type": resources.gpu_type, "count": str(resources.gpu_count)}
    return spec
