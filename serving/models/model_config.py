"""What the server is asked to serve: models, where their versions lie, which of them, under which labels.

Source: tensorflow_serving/config/model_server_config.proto and the checks of core/server_core.cc
(ValidateModelConfigList, GetPlatform, CreateStoragePathRoutes).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.request_error import invalid_argument

PLATFORM = "tensorflow"


@dataclass(frozen=True)
class VersionPolicy:
    """Which of the versions found are served: the `latest` so many, `specific` ones, or all of them."""

    latest: int | None = 1  # None: not limited by number
    specific: frozenset[int] | None = None  # None: not limited by name

    @classmethod
    def all_versions(cls) -> VersionPolicy:
        """Serves whatever is there."""
        return cls(latest=None)

    @classmethod
    def only(cls, versions: Iterable[int]) -> VersionPolicy:
        """Serves these versions and no others."""
        return cls(latest=None, specific=frozenset(versions))


@dataclass(frozen=True)
class ModelConfig:
    """One model to serve."""

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = field(default_factory=dict)
    logging_config: Any = None  # tensorflow_serving.LoggingConfig, kept for whoever logs requests


def configs_from_proto(model_server_config: Any, served: Container[str] = ()) -> list[ModelConfig]:
    """The models of a ModelServerConfig's `model_config_list`; `served`: names of the models served until now.

    Raises:
        RequestError: INVALID_ARGUMENT, worded as in the source named above where it has such a check.
    """
    entries = checked_list(model_server_config.model_config_list.config)
    for entry in entries:
        if entry.name in served and entry.model_platform not in ("", PLATFORM) and not entry.model_type:
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {entry.name} platform was {PLATFORM} "
                f"and new platform requested is {entry.model_platform}"
            )
    return [_config_from_proto(entry) for entry in entries]


def checked_list(entries: Sequence[Any]) -> Sequence[Any]:
    """`entries` (ModelConfig protos) with distinct names and absolute paths.

    Raises:
        RequestError: INVALID_ARGUMENT.
    """
    names: set[str] = set()
    for entry in entries:
        if not entry.name:
            raise invalid_argument(f"Model without a name in config list (base_path {entry.base_path!r}); set name")
        if entry.name in names:
            raise invalid_argument(f"Illegal to list model {entry.name} multiple times in config list")
        names.add(entry.name)
    for entry in entries:
        if "://" in entry.base_path:
            raise invalid_argument(
                f"Model {entry.name}: base_path {entry.base_path} is no local folder; this server reads local "
                "folders only: copy the versions to one and name it"
            )
        if not entry.base_path.startswith("/"):
            raise invalid_argument(
                f"Expected model {entry.name} to have an absolute path or URI; got base_path()={entry.base_path}"
            )
    return entries


def _config_from_proto(entry: Any) -> ModelConfig:
    _check_platform(entry)
    return ModelConfig(
        name=entry.name,
        base_path=Path(entry.base_path),
        policy=_policy_from_proto(entry.model_version_policy),
        labels=dict(entry.version_labels),
        logging_config=entry.logging_config if entry.HasField("logging_config") else None,
    )


def _check_platform(entry: Any) -> None:
    if entry.model_type:
        if entry.model_platform:
            raise invalid_argument(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and "
                f"ModelServerConfig::model_platform, model name is {entry.name}"
            )
        if entry.model_type != 1:  # TENSORFLOW
            raise invalid_argument(f"ModelServerConfig::model_type choice {entry.model_type} not supported.")
    elif not entry.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {entry.name}"
        )
    elif entry.model_platform != PLATFORM:
        raise invalid_argument(f"Model {entry.name} requests unsupported platform {entry.model_platform}")


def _policy_from_proto(policy: Any) -> VersionPolicy:
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return VersionPolicy.all_versions()
    if choice == "specific":
        return VersionPolicy.only(policy.specific.versions)
    return VersionPolicy(latest=max(1, policy.latest.num_versions))
