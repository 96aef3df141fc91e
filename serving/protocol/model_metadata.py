"""Signatures of a model, as message and as JSON.

Source: tensorflow_serving/servables/tensorflow/get_model_metadata_impl.cc; http_rest_api_util.cc, ToJsonString, which
puts two texts of protobuf's printer together, hence the layout.
"""

from __future__ import annotations

import json
from typing import Any

from serving.models.loader import LoadedModel
from serving.request_error import invalid_argument

_SIGNATURE_DEF = "signature_def"


def check_metadata_fields(request: Any) -> None:
    """Refuses a GetModelMetadataRequest for anything but `signature_def`; comes before the model is looked for.

    Raises:
        RequestError: INVALID_ARGUMENT where it asks for nothing, or for something else.
    """
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != _SIGNATURE_DEF:
            raise invalid_argument(f"Metadata field {field} is not supported")


def metadata_response(name: str, version: int, model: LoadedModel) -> Any:
    """GetModelMetadataResponse with the field `signature_def`."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = name
    response.model_spec.version.value = version
    response.metadata[_SIGNATURE_DEF].Pack(signature_def_map(model))
    return response


def signature_def_map(model: LoadedModel) -> Any:
    """SignatureDefMap of all signatures of a model."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in model.signature_defs.items():
        definitions.signature_def[name].CopyFrom(definition)
    return definitions


def metadata_json(name: str, version: int, definitions: Any) -> str:
    """JSON text of a version's metadata; `definitions`: its SignatureDefMap."""
    from google.protobuf import json_format

    spec = {"name": name, "signature_name": "", "version": str(version)}
    signatures = json_format.MessageToDict(
        definitions, including_default_value_fields=True, preserving_proto_field_name=True
    )
    return f'{{\n"model_spec":{_printed(spec)}\n,\n"metadata": {{"signature_def": {_printed(signatures)}\n}}\n}}\n'


def _printed(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)
