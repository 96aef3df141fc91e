"""What submission needs to know of a compiled pipeline: its name, its steps in order, its parameters."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from adclick.errors import SettingsError
from configs.nearest import nearest

SCHEMA_VERSION = "2.1.0"
TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Package(NamedTuple):
    """A compiled pipeline: `PipelineSpec` and, where there is one, `PlatformSpec`."""

    file: Path
    spec: Mapping[str, Any]
    platforms: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The pipeline's."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def tasks(self) -> list[str]:
        """Names of the steps, each behind those that it waits for."""
        return ordered_tasks(self.spec)

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Type and default of each parameter, by its name."""
        found: Mapping[str, Mapping[str, Any]] = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        return found

    def text(self) -> str:
        """As YAML, a document each."""
        documents = [self.spec, *([self.platforms] if self.platforms else [])]
        return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=True, allow_unicode=True))

    def digest(self) -> str:
        """12 hexadecimal digits of its contents, however they are laid out."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]

    def without_caching(self) -> Package:
        """Every step runs, whatever an earlier run left."""
        spec = copy.deepcopy(dict(self.spec))
        dags = [spec["root"]["dag"], *(c["dag"] for c in spec.get("components", {}).values() if "dag" in c)]
        for dag in dags:
            for task in dag["tasks"].values():
                task["cachingOptions"] = {}
        return self._replace(spec=spec)


def ordered_tasks(spec: Mapping[str, Any]) -> list[str]:
    """Names of a pipeline's steps, each behind those that it waits for."""
    waits = {name: set(task.get("dependentTasks", ())) for name, task in spec["root"]["dag"]["tasks"].items()}
    ordered: list[str] = []
    while waits:
        free = [name for name, others in waits.items() if not others & set(waits)]
        if not free:
            raise SettingsError(f"the pipeline's steps wait for each other in a circle: {', '.join(waits)}")
        ordered += free
        for name in free:
            del waits[name]
    return ordered


def read_package(file: Path) -> Package:
    """Raises SettingsError for what Kubeflow's SDK or backend would refuse."""
    if file.suffix not in (".yaml", ".yml"):
        raise SettingsError(
            f"{file}: Kubeflow's SDK takes YAML: compile to a .yaml file with `adclick kubeflow compile`"
        )
    try:
        with file.open(encoding="utf-8") as stream:
            documents = [one for one in yaml.load_all(stream, Loader=_Loader) if one is not None]
    except FileNotFoundError:
        raise SettingsError(f"{file}: no such file; write it with `adclick kubeflow compile --output {file}`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: is not YAML: {' '.join(str(error).split())}") from None
    first = documents[0] if documents else None
    wrapped = isinstance(first, dict) and "pipelineSpec" in first
    if wrapped:
        raise SettingsError(
            f"{file}: holds a PipelineJob, which Kubeflow's SDK does not take: compile it with "
            "`adclick kubeflow compile`, which leaves the PipelineSpec alone"
        )
    if (
        not isinstance(first, dict)
        or not first.get("pipelineInfo", {}).get("name")
        or "dag" not in first.get("root", {})
    ):
        raise SettingsError(f"{file}: is no compiled pipeline; write one with `adclick kubeflow compile`")
    if first.get("schemaVersion") != SCHEMA_VERSION:
        raise SettingsError(
            f"{file}: schemaVersion is {first.get('schemaVersion')!r}, and the backend takes {SCHEMA_VERSION!r} only: "
            "compile it with `adclick kubeflow compile`"
        )
    platforms: dict[str, Any] = {}
    for document in documents[1:]:
        platforms.update(document)
    return Package(file, first, platforms)


def check_parameters(package: Package, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values to send. Raises SettingsError for an unknown, mistyped or missing one."""
    for name, value in given.items():
        declared = package.parameters.get(name)
        if declared is None:
            known = nearest(name, list(package.parameters)) or "; the pipeline has none"
            raise SettingsError(f"submission.parameters: {package.file} has no parameter {name!r}{known}")
        kind = str(declared.get("parameterType"))
        types = TYPES.get(kind, (str, int, float, bool))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise SettingsError(
                f"submission.parameters: {name} is {value!r}, and the pipeline wants a {kind.lower().replace('_', ' ')}"
            )
    for name, declared in package.parameters.items():
        if name not in given and "defaultValue" not in declared and not declared.get("isOptional"):
            raise SettingsError(f"submission.parameters: {name} is missing, which has no default; add it")
    return dict(given)
