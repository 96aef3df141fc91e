"""Settings of the compiled pipeline: image, resources, environment, and secrets and volumes by reference."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from configs.nearest import nearest
from configs.section import Section

COMPONENTS = (
    "AdExampleGen",
    "CreativeGen",
    "StatisticsGen",
    "ImportSchemaGen",
    "SchemaGen",
    "ExampleValidator",
    "AnomalyGate",
    "Transform",
    "CreativeTuner",
    "CreativeTrainer",
    "ServedModel",
    "ServedBaselineEvaluator",
    "ServingCanary",
    "AtomicPusher",
    "RunReport",
)
"""Names of the graph's nodes; `pipeline/create.py` makes them."""
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
KUBERNETES_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
LAUNCHERS_OWN = ("KFP_", "ADCLICK_LAUNCHER_ROOT")
"""Variables that the launcher and the entry point go by."""
LOOKS_SECRET = "looks like a secret"
"""In messages, whose writer then keeps the value to itself."""
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|(^|_)KEY$", re.IGNORECASE)
_PATH_NAME = re.compile(r"_(FILE|PATH)$|^GOOGLE_APPLICATION_CREDENTIALS$", re.IGNORECASE)
Variable = Annotated[str, Field(pattern=VARIABLE)]
KubernetesName = Annotated[str, Field(pattern=KUBERNETES_NAME, max_length=253)]


def _looks_secret(name: str, value: str) -> bool:
    """By the name, unless the value is a path; or a URL with a user in it."""
    is_path = _PATH_NAME.search(name) is not None and value.startswith("/")
    has_user = "@" in value.partition("://")[2].partition("/")[0]
    return has_user or (_SECRET_NAME.search(name) is not None and not is_path)


class Resources(Section):
    """What a container asks for and may take; none: what the cluster gives."""

    cpu_request: Annotated[float, Field(gt=0.0)] | None = None
    """Cores."""
    cpu_limit: Annotated[float, Field(gt=0.0)] | None = None
    memory_request_gb: Annotated[float, Field(gt=0.0)] | None = None
    """10⁹ bytes."""
    memory_limit_gb: Annotated[float, Field(gt=0.0)] | None = None
    gpu_type: str = "nvidia.com/gpu"
    """The cluster's resource name; on Vertex AI the accelerator's, such as NVIDIA_TESLA_T4."""
    gpu_count: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _limits_not_below(self) -> Resources:
        for what, request, limit in (
            ("cpu", self.cpu_request, self.cpu_limit),
            ("memory", self.memory_request_gb, self.memory_limit_gb),
        ):
            if request is not None and limit is not None and request > limit:
                raise ValueError(
                    f"{what} request {request:g} is above its limit {limit:g}: lower it or raise the limit"
                )
        return self


class ComponentSettings(Resources):
    """What differs for one component."""

    environment: dict[Variable, str] = Field(default_factory=dict)


class SecretKey(Section):
    """A key of a Kubernetes Secret in the namespace of the run. The value itself is never in the settings."""

    secret: KubernetesName
    key: str = Field(min_length=1)


class Volume(Section):
    """A persistent volume claim that every container mounts."""

    claim: KubernetesName
    path: str = Field(pattern=r"^/[^:]*[^/:]$")
    """Absolute, within the container."""


class Kubeflow(Section):
    """How the pipeline is compiled for Kubeflow Pipelines and Vertex AI."""

    image: str = Field(default="", pattern=r"^\S*$")
    """Holds this package and its locked dependencies (deploy/); name it by version or digest."""
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    image_pull_secrets: tuple[KubernetesName, ...] = ()
    resources: Resources = Resources()
    components: dict[str, ComponentSettings] = Field(default_factory=dict)
    """By component; what one leaves out is that of `resources`."""
    environment: dict[Variable, str] = Field(default_factory=dict)
    """Plain variables of every container, such as AWS_ENDPOINT_URL_S3."""
    secrets: dict[Variable, SecretKey] = Field(default_factory=dict)
    """Variables of every container whose values the cluster fills in."""
    volumes: tuple[Volume, ...] = ()

    @field_validator("components")
    @classmethod
    def _components_known(cls, components: dict[str, ComponentSettings]) -> dict[str, ComponentSettings]:
        for name in components:
            if name not in COMPONENTS:
                raise ValueError(f"kubeflow.components names {name!r}, which there is not{nearest(name, COMPONENTS)}")
        return components

    @model_validator(mode="after")
    def _nothing_secret(self) -> Kubeflow:
        plain = [("kubeflow.environment", self.environment)]
        plain += [(f"kubeflow.components.{name}.environment", one.environment) for name, one in self.components.items()]
        for key, variables in plain:
            for name, value in variables.items():
                if _looks_secret(name, value):
                    raise ValueError(
                        f"{key}.{name} {LOOKS_SECRET}, and the compiled file is no place for one: put the value "
                        f"into a Kubernetes Secret and write kubeflow.secrets: {{{name}: {{secret: NAME, key: KEY}}}}"
                    )
                if name in self.secrets:
                    raise ValueError(f"{key}.{name} is in kubeflow.secrets too: keep one of them")
                self._not_the_launchers(f"{key}.{name}", name)
        for name in self.secrets:
            self._not_the_launchers(f"kubeflow.secrets.{name}", name)
        return self

    @staticmethod
    def _not_the_launchers(key: str, name: str) -> None:
        if name.startswith(LAUNCHERS_OWN):
            raise ValueError(f"{key} belongs to the launcher of Kubeflow Pipelines: take it out")

    def resources_of(self, component: str) -> Resources:
        """The component's own values over those of all."""
        own = self.components.get(component, ComponentSettings())
        given = own.model_dump(include=set(Resources.model_fields) & own.model_fields_set)
        return Resources.model_validate({**self.resources.model_dump(), **given})

    def environment_of(self, component: str) -> dict[str, str]:
        """Plain variables of the component's container."""
        own = self.components.get(component, ComponentSettings())
        return {**self.environment, **own.environment}
