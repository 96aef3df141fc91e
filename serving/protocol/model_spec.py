"""Which model and version a request names.

Source: tensorflow_serving/model_servers/server_core.cc, ServableRequestFromModelSpec; the `Missing ModelSpec` checks
of predict_impl.cc, classification_service.cc, regression_service.cc and get_model_metadata_impl.cc, all of which come
first; multi_inference_helper.cc, which takes the first task's spec and has no such check.
"""

from __future__ import annotations

from typing import Any

from serving.protocol.model_metadata import check_metadata_fields
from serving.request_error import invalid_argument


def read_model_spec(request: Any) -> tuple[str, int | None, str | None]:
    """(name, version or None, label or None) of an inference or GetModelMetadata request.

    Raises:
        RequestError: INVALID_ARGUMENT where the request names no model, or asks for metadata there is not.
    """
    if request.DESCRIPTOR.name == "MultiInferenceRequest":
        if not request.tasks:
            raise invalid_argument("ModelSpec has no name specified.")
        spec = request.tasks[0].model_spec
    else:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        spec = request.model_spec
        if request.DESCRIPTOR.name == "GetModelMetadataRequest":
            check_metadata_fields(request)
    if not spec.name:
        raise invalid_argument("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return (
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )
