"""Status and metadata of models as messages and as JSON.

Source: tensorflow_serving/model_servers/http_rest_api_util.cc, ToJsonString.
"""

from __future__ import annotations

import json
from typing import Any

from serving.models.loader import LoadedModel
from serving.models.version_status import VersionStatus


def status_response(statuses: list[VersionStatus]) -> Any:
    """GetModelStatusResponse that lists `statuses`."""
    from tensorflow_serving.apis import get_model_status_pb2

    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        entry = response.model_version_status.add(version=status.version, state=int(status.state))
        entry.status.error_code = status.error_code.number
        entry.status.error_message = status.error_message
    return response


def status_json(response: Any) -> str:
    """JSON text of a GetModelStatusResponse."""
    from google.protobuf import json_format

    text: str = json_format.MessageToJson(
        response, including_default_value_fields=True, preserving_proto_field_name=True
    )
    return text


def signature_def_map(model: LoadedModel) -> Any:
    """SignatureDefMap of all signatures of a model."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in model.signature_defs.items():
        definitions.signature_def[name].CopyFrom(definition)
    return definitions


def metadata_json(name: str, version: int, definitions: Any) -> str:
    """JSON text of the metadata of a version."""
    from google.protobuf import json_format

    document = {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {
            "signature_def": json_format.MessageToDict(
                definitions, including_default_value_fields=True, preserving_proto_field_name=True
            )
        },
    }
    return json.dumps(document, indent=1)
