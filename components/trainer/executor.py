"""TFX's generic trainer, which also hands the creative store to run_fn."""

from __future__ import annotations

from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils


class CreativeTrainerExecutor(GenericExecutor):
    """Adds the store's URI to `custom_config`.

    _GetFnArgs is private in TFX, and this is the one place that overrides it.
    """

    def _GetFnArgs(  # noqa: N802 - the name is TFX's
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        stores = input_dict.pop("creative_store", None)
        result = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        result.custom_config["creative_store"] = artifact_utils.get_single_uri(stores) if stores else None
        return result
