from __future__ import annotations

import json

from serving.models.version_status import State, VersionStatus
from serving.protocol.model_metadata import metadata_json
from serving.protocol.model_status import status_json, status_response
from serving.request_error import Code


def test_status_is_laid_out_as_protobufs_printer_does() -> None:
    response = status_response([VersionStatus(2**53 + 1, State.END, Code.NOT_FOUND, "no é")])
    assert status_json(response) == (
        """{
 "model_version_status": [
  {
   "version": "9007199254740993",
   "state": "END",
   "status": {
    "error_code": "NOT_FOUND",
    "error_message": "no é"
   }
  }
 ]
}
"""
    )
    available = json.loads(status_json(status_response([VersionStatus(1, State.AVAILABLE)])))
    assert available["model_version_status"][0]["status"] == {"error_code": "OK", "error_message": ""}


def test_metadata_is_laid_out_as_the_original_puts_it_together() -> None:
    from tensorflow_serving.apis import get_model_metadata_pb2

    definitions = get_model_metadata_pb2.SignatureDefMap()
    info = definitions.signature_def["s"].inputs["x"]
    info.name, info.dtype = "x:0", 1
    info.tensor_shape.dim.add(size=-1)
    text = metadata_json("m", 3, definitions)
    assert text.startswith(
        '{\n"model_spec":{\n "name": "m",\n "signature_name": "",\n "version": "3"\n}\n,\n'
        '"metadata": {"signature_def": {\n "signature_def": {\n  "s": {\n'
    )
    assert text.endswith("}\n}\n}\n")
    x = json.loads(text)["metadata"]["signature_def"]["signature_def"]["s"]["inputs"]["x"]
    assert x == {
        "name": "x:0",
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
    }
