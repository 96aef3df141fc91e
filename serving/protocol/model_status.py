"""States of a model's versions, as message and as JSON.

Source: tensorflow_serving/model_servers/get_model_status_impl.cc; http_rest_api_util.cc, ToJsonString.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from serving.models.version_status import VersionStatus


def status_response(statuses: Iterable[VersionStatus]) -> Any:
    """GetModelStatusResponse that lists `statuses`."""
    from tensorflow_serving.apis import get_model_status_pb2

    response = get_model_status_pb2.GetModelStatusResponse()
    for status in statuses:
        entry = response.model_version_status.add(version=status.version, state=int(status.state))
        entry.status.error_code = status.error_code.number
        entry.status.error_message = status.error_message
    return response


def status_json(response: Any) -> str:
    """JSON text of a GetModelStatusResponse, as protobuf's C++ printer lays it out: int64 are strings."""
    from google.protobuf import json_format

    document = json_format.MessageToDict(
        response, including_default_value_fields=True, preserving_proto_field_name=True
    )
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
