"""Unpacks ServedModel's artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from adclick.errors import AdclickError
from adclick.folder_copies import download_folder
from components.pusher.versions import version_uri
from configs.evaluation import SERVED_FOLDER


class ServedModelExecutor(BaseExecutor):
    """Work of ServedModel."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the model in service; custom property `version` is 0 where there is none.

        Raises AdclickError where the version that a server named has gone since.
        """
        artifact = artifact_utils.get_single_instance(output_dict["baseline"])
        version = int(exec_properties["baseline_version"])
        source = version_uri(exec_properties["model_folder"], version)
        target = Path(path_utils.serving_model_dir(artifact.uri))
        if version and not download_folder(source, target):
            if exec_properties["asked"] != SERVED_FOLDER:
                raise AdclickError(
                    f"{source}: version {version}, which {exec_properties['asked']} has in service, has gone from the "
                    "folder since the run looked; run the same command again"
                )
            version = 0
        artifact.set_int_custom_property("version", version)
