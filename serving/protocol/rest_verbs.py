"""The inference verbs of the REST API, by the name after the colon: …/models/m:predict.

PARSE["predict"](body) reads a body and checks what the original checks before it looks for the model;
PREPARE["predict"](what PARSE gave, loaded model) gives the checked call, whose reply is JSON bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from serving.protocol.json_examples import ExamplesRequest, read_examples
from serving.protocol.json_text import parse_object
from serving.protocol.prepared_call import Prepare
from serving.protocol.rest_examples import prepare_classify, prepare_regress
from serving.protocol.rest_json import signature_name
from serving.protocol.rest_predict import prepare_predict


def prepare_calls(*, check_method_names: bool) -> Mapping[str, Prepare]:
    """PREPARE with or without `--enable_signature_method_name_check`."""
    verbs: dict[str, Callable[..., Any]] = {
        "predict": prepare_predict,
        "classify": prepare_classify,
        "regress": prepare_regress,
    }
    return {name: partial(prepare, check_method_names=check_method_names) for name, prepare in verbs.items()}


def _parse_predict(body: bytes) -> dict[str, Any]:
    document = parse_object(body)
    signature_name(document)
    return document


def _parse_examples(body: bytes) -> ExamplesRequest:
    return read_examples(parse_object(body))


PARSE: Mapping[str, Callable[[bytes], Any]] = {
    "predict": _parse_predict,
    "classify": _parse_examples,
    "regress": _parse_examples,
}
PREPARE = prepare_calls(check_method_names=False)  # the original's default
