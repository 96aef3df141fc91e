"""Unpacks the Pusher's artifacts; TFX's executor reads the blessings, `pushing.push` moves the model."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from tfx.components.pusher import executor as tfx_pusher
from tfx.types import artifact_utils

from adclick.errors import AdclickError
from adclick.filesystem import join, read_bytes
from components.evaluator.executor import SCORES_FILE
from components.evaluator.metrics import click_metrics
from components.pusher.pushing import WithdrawnModelError, push
from components.pusher.retention import remove_old_versions
from components.pusher.versions import WARMUP_NAME, version_uri
from components.quality_gate.blessing import FORCE_REASON, FORCED_BY


class AtomicPusherExecutor(tfx_pusher.Executor):
    """Work of AtomicPusher."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes a blessed model and removes old versions, marks the artifact either way.

        Custom property `not_pushed` says why a blessed model was not pushed.
        """
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        baseline = artifact_utils.get_single_instance(input_dict["baseline"])
        number = baseline.get_int_custom_property("version")
        run_id = self._context.pipeline_run_id if self._context else ""
        folder = exec_properties["model_folder"]
        try:
            version = push(
                Path(self.GetModelPath(input_dict)),
                folder,
                number or None,
                run_id or "",
                metrics=_metrics(artifact_utils.get_single_uri(input_dict["evaluation"])),
                warmup=_warmup(input_dict),
                push_withdrawn=bool(exec_properties["push_withdrawn"]),
                force=_force(artifact_utils.get_single_instance(input_dict["model_blessing"])),
            )
        except WithdrawnModelError as withdrawn:
            self._MarkNotPushed(pushed)
            pushed.set_string_custom_property("not_pushed", str(withdrawn))
            return
        self._MarkPushed(pushed, pushed_destination=version_uri(folder, version), pushed_version=str(version))
        removed = _removed(folder, exec_properties["keep_versions"])
        pushed.set_string_custom_property("removed_versions", ",".join(map(str, removed)))


def _force(blessing: Any) -> tuple[str, str] | None:
    """Reason and who, where the gate's refusal was overruled."""
    reason = blessing.get_string_custom_property(FORCE_REASON)
    return (reason, blessing.get_string_custom_property(FORCED_BY)) if reason else None


def _metrics(evaluation: str) -> dict[str, float | None]:
    """The candidate's main figures on the evaluation rows."""
    with np.load(io.BytesIO(read_bytes(join(evaluation, SCORES_FILE)))) as archive:
        weight = archive["weight"] if "weight" in archive.files else None
        found = click_metrics(archive["label"], archive["candidate"], weight)
    return {"auc": found.auc, "log_loss": found.log_loss, "calibration_ratio": found.calibration_ratio}


def _warmup(input_dict: dict[str, list[Any]]) -> bytes | None:
    """The warm-up requests that the canary left; none without a canary."""
    if not input_dict.get("infra_blessing"):
        return None
    return read_bytes(join(artifact_utils.get_single_uri(input_dict["infra_blessing"]), WARMUP_NAME))


def _removed(folder: str, keep_versions: int) -> list[int]:
    """Old versions that were removed. A removal that fails is told and no more: the model is in service by now."""
    try:
        removed = remove_old_versions(folder, keep_versions)
    except (AdclickError, OSError) as error:
        print(f"old versions stay in {folder}: {error}", flush=True)  # noqa: T201 - the component's log
        return []
    for version in removed:
        print(f"removed old version {version} (push.keep_versions)", flush=True)  # noqa: T201 - the component's log
    return removed
