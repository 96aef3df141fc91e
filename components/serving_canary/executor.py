"""Unpacks ServingCanary's artifacts."""

from __future__ import annotations

import io
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.components.util import model_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from adclick.errors import AdclickError
from adclick.filesystem import join, open_binary, read_bytes
from components.evaluator.executor import SCORES_FILE
from components.evaluator.scoring import example_batches
from components.pusher.versions import WARMUP_NAME
from components.serving_canary.cases import NewCreative
from components.serving_canary.checks import PASSED, SKIPPED, verdict_without_checks
from components.serving_canary.inspection import Material, inspect
from configs.features import FeatureTable
from configs.settings import Canary

VERDICT_FILE = "verdict.json"
IMAGES_TRIED = 20


class ServingCanaryExecutor(BaseExecutor):
    """Work of ServingCanary."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes verdict.json and the warm-up requests; custom property `blessed` is what TFX's Pusher looks at."""
        infra_blessing = artifact_utils.get_single_instance(output_dict["infra_blessing"])
        if model_utils.is_model_blessed(artifact_utils.get_single_instance(input_dict["blessing"])):
            found = self._inspect(input_dict, Path(infra_blessing.uri), exec_properties)
        else:
            found = verdict_without_checks(SKIPPED, "the evaluation refused the model, so it was not served")
        infra_blessing.set_int_custom_property("blessed", int(found["state"] == PASSED))
        with open_binary(join(infra_blessing.uri, VERDICT_FILE), mode="wb") as stream:
            stream.write(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False).encode())

    def _inspect(
        self, input_dict: dict[str, list[Any]], folder: Path, exec_properties: dict[str, Any]
    ) -> dict[str, Any]:
        settings = Canary.model_validate_json(exec_properties["canary"])
        table = FeatureTable.model_validate_json(exec_properties["features"])
        batches = example_batches(artifact_utils.get_split_uri(input_dict["examples"], "eval"))
        serialized = (one for batch in batches for one in batch.numpy())
        rows = [tf.train.Example.FromString(one) for one in itertools.islice(serialized, settings.max_batch_rows)]
        evaluation = artifact_utils.get_single_uri(input_dict["evaluation"])
        with np.load(io.BytesIO(read_bytes(join(evaluation, SCORES_FILE)))) as archive:
            evaluated = archive["candidate"][: len(rows)]
        keys: list[str] = []
        if input_dict.get("creative_store"):
            keys = json.loads(
                read_bytes(join(artifact_utils.get_single_uri(input_dict["creative_store"]), "keys.json"))
            )
        new = new_creative(exec_properties["image_root"], keys) if keys else None
        saved_model = Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"])))
        with tempfile.TemporaryDirectory(prefix="serving-canary-") as scratch:
            material = Material(rows, evaluated, frozenset(keys), new)
            return inspect(
                saved_model,
                exec_properties["model_name"],
                material,
                table,
                settings,
                folder / WARMUP_NAME,
                Path(scratch),
            )


def new_creative(image_root: str, keys: list[str]) -> NewCreative:
    """The first image of the store whose file can be read. Raises AdclickError where none can."""
    first: OSError | None = None
    for key in keys[:IMAGES_TRIED]:
        try:
            return NewCreative(read_bytes(join(image_root, key)))
        except OSError as error:
            first = first or error
    raise AdclickError(
        f"{image_root}: none of the first {min(len(keys), IMAGES_TRIED)} creatives can be read any more ({first}); "
        "deliver the images again, then run again"
    )
