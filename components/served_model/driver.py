"""Looks which model is in service before each run."""

from __future__ import annotations

from typing import Any

from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.drivers import ObservingDriver
from components.pusher.versions import in_service, model_digest, read_record
from components.served_model.status import served_version
from configs.evaluation import SERVED_FOLDER


class ServedModelDriver(ObservingDriver):
    """Adds the version that the candidate is to be compared with, 0 for none."""

    def observe(self, inputs: dict[str, list[Any]], properties: dict[str, Any]) -> dict[str, str | int]:
        """Where the candidate itself is in service already, its comparison stands: the version it replaced then.

        Raises AdclickError where a server is to be asked and gives no answer that helps.
        """
        candidate = path_utils.serving_model_path(artifact_utils.get_single_uri(list(inputs["model"])))
        folder = properties["model_folder"]
        asked = properties["asked"]
        if asked == SERVED_FOLDER:
            version = in_service(folder)
        else:
            version = served_version(asked, properties["model_name"], folder)
        if version is not None:
            record = read_record(folder, version)
            if record is not None and record.model_digest == model_digest(candidate):
                version = record.baseline_version
        return {"baseline_version": version or 0}
