"""Names for versions, such as `stable` and `canary`: from the model config, and from a file beside the versions.

`labels.json` in the base path, `{"canary": 123}`, is followed like the versions; a label that the model config has
too is the config's. A label moves only to a version in service: until that one is loaded it stays where it was.

Source of the rule: tensorflow_serving/model_servers/server_core.cc, UpdateModelVersionLabelMap.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from serving.models.model_config import ModelConfig
from serving.models.servable_table import ServableTable
from serving.request_error import Code, RequestError

_log = logging.getLogger(__name__)

LABELS_FILE = "labels.json"


class VersionLabels:
    """The labels of one model, kept in the table."""

    def __init__(self, config: ModelConfig, table: ServableTable, allow_unavailable: bool) -> None:
        self._config = config
        self._table = table
        self._allow_unavailable = allow_unavailable
        self._from_file: dict[str, int] = {}
        self._said = ""

    def reconfigure(self, config: ModelConfig) -> None:
        """Takes the labels of another configuration of the model."""
        self._config = config

    def look(self) -> None:
        """Reads the labels file; one that cannot be read leaves the labels as they were, and is told once."""
        path = self._config.base_path / LABELS_FILE
        try:
            self._from_file = _checked(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            self._from_file = {}
        except (OSError, ValueError) as error:
            self._say(f'{path}: {error}; expected {{"label": version, …}}; its labels stay as they were')
            return
        self._say("")

    def apply(self) -> None:
        """Assigns every label whose version is in service; the others keep what they had, or wait."""
        wanted = {**self._from_file, **self._config.labels}
        now = self._table.labels(self._config.name)
        in_service = self._table.in_service(self._config.name)
        labels = {}
        for label, version in wanted.items():
            if version in in_service or now.get(label) == version or self._may_be_unavailable(label, now):
                labels[label] = version
            elif label in now:
                labels[label] = now[label]
        if labels != now:
            self._table.set_labels(self._config.name, labels)
            _log.info("Labels of model %s are now %s", self._config.name, labels)

    def check(self, config: ModelConfig) -> None:
        """Refuses labels of `config` that name versions not in service.

        Raises:
            RequestError: FAILED_PRECONDITION, worded as in the source named above.
        """
        now = self._table.labels(config.name)
        in_service = self._table.in_service(config.name)
        for label, version in config.labels.items():
            may_be_unavailable = now.get(label) == version if label in now else True
            if version not in in_service and not (self._allow_unavailable and may_be_unavailable):
                raise label_refused(config.name, version)

    def _may_be_unavailable(self, label: str, now: Mapping[str, int]) -> bool:
        return self._allow_unavailable and label not in now

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._said:
            _log.warning("%s", trouble)
        self._said = trouble


def label_refused(name: str, version: int) -> RequestError:
    """The error for a label on a version that is not in service."""
    return RequestError(
        Code.FAILED_PRECONDITION,
        f"Request to assign label to version {version} of model {name}, which is not currently available for inference",
    )


def _checked(content: object) -> dict[str, int]:
    if not isinstance(content, dict):
        raise ValueError("is no JSON object")
    for label, version in content.items():
        if not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise ValueError(f"version of label {label!r} is {version!r}, not a version number")
    return content
