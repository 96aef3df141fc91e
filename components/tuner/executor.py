"""TFX's tuner, which also hands the creative store to tuner_fn, keeps each trial and goes on after an interruption."""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
from collections.abc import Mapping
from typing import Any

from tfx.components.tuner.executor import Executor, search, write_best_hyperparameters
from tfx.types import artifact_utils
from tfx.utils import json_utils

from adclick.filesystem import join, open_binary
from components.tuner.trials_file import TRIALS_FILE, trials_document

Artifacts = Mapping[str, list[Any]]


class CreativeTunerExecutor(Executor):
    """Work of CreativeTuner: TFX's own functions, one after the other."""

    def Do(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the best hyperparameters, TFX's results and trials.json."""
        inputs = dict(input_dict)
        stores = inputs.pop("creative_store", None)
        folder = exec_properties["folder"]
        config = json_utils.loads(exec_properties["custom_config"])
        config["creative_store"] = artifact_utils.get_single_uri(stores) if stores else None
        config["directory"], config["project"] = folder, search_name(input_dict, exec_properties)
        properties = {**exec_properties, "custom_config": json_utils.dumps(config)}
        tuner = search(inputs, properties, self._get_tmp_dir(), print_tuning_summary=False)
        write_best_hyperparameters(tuner, output_dict)
        document = trials_document(
            tuner.records(),
            tuner.measured_rows,
            config,
            run_id=str(self._context.pipeline_run_id if self._context else ""),
            at=datetime.datetime.now(datetime.timezone.utc),
        )
        left = artifact_utils.get_single_uri(output_dict["tuner_results"])
        with open_binary(join(left, TRIALS_FILE), mode="wb") as stream:
            stream.write(json.dumps(document, indent=1, ensure_ascii=False).encode())
        shutil.rmtree(
            folder, ignore_errors=True
        )  # of other, interrupted searches too: what they looked for is no longer asked


def search_name(inputs: Artifacts, properties: Mapping[str, Any]) -> str:
    """The same for the same inputs, settings and code: whoever asks for the same search again goes on with it."""
    uris = {key: [artifact.uri for artifact in artifacts] for key, artifacts in sorted(inputs.items())}
    told = json.dumps([uris, properties["custom_config"]])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
