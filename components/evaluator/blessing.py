"""The blessing artifact, marked as TFX's Evaluator marks it, so that its Pusher reads it."""

from __future__ import annotations

from typing import Any

from adclick.filesystem import join, open_binary


def mark(blessing: Any, model: Any, baseline: Any | None, blessed: bool) -> None:
    """`blessing`, `model`, `baseline`: artifacts; the properties and the file of tfx.components.evaluator.executor."""
    from tfx.components.evaluator import constants

    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if baseline is not None:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    with open_binary(join(blessing.uri, name), mode="wb"):
        pass
    blessing.set_int_custom_property(
        constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.BLESSED_VALUE if blessed else constants.NOT_BLESSED_VALUE
    )
