"""Unpacks the Pusher's artifacts; TFX's executor reads the blessing, `pushing.push` moves the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.pusher import executor as tfx_pusher
from tfx.types import artifact_utils


class AtomicPusherExecutor(tfx_pusher.Executor):
    """Work of AtomicPusher."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model, marks the artifact either way."""
        from components.pusher.pushing import push
        from components.pusher.versions import version_uri

        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        baseline = artifact_utils.get_single_instance(input_dict["baseline"])
        number = baseline.get_int_custom_property("version")
        run_id = self._context.pipeline_run_id if self._context else ""
        folder = exec_properties["model_folder"]
        version = push(Path(self.GetModelPath(input_dict)), folder, number or None, run_id or "")
        self._MarkPushed(pushed, pushed_destination=version_uri(folder, version), pushed_version=str(version))
