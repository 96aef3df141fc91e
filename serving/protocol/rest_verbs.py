"""The inference verbs of the REST API, by the name after the colon: …/models/m:predict.

PARSE["predict"](body) reads a body and checks what the original checks before it looks for the model;
PREPARE["predict"](what PARSE gave, loaded model) gives the checked call, whose reply is JSON bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from serving.protocol.json_text import parse_object
from serving.protocol.prepared_call import Prepare
from serving.protocol.rest_json import signature_name
from serving.protocol.rest_predict import prepare_predict


def _parse_predict(body: bytes) -> dict[str, Any]:
    document = parse_object(body)
    signature_name(document)
    return document


PARSE: Mapping[str, Callable[[bytes], Any]] = {"predict": _parse_predict}
PREPARE: Mapping[str, Prepare] = {"predict": prepare_predict}
