"""REST classify and regress: JSON examples -> one run of one signature -> JSON bytes.

Source: tensorflow_serving/model_servers/http_rest_api_handler.cc, ProcessClassifyRequest and ProcessRegressRequest.
"""

from __future__ import annotations

from collections.abc import Sequence

from serving.models.loader import LoadedModel
from serving.protocol.example_results import read_classifications, read_regressions
from serving.protocol.example_signatures import (
    classification_outputs,
    example_signature,
    example_work,
    regression_outputs,
)
from serving.protocol.json_examples import ExamplesRequest
from serving.protocol.json_reply import classifications_json, regressions_json
from serving.protocol.prepared_call import Outputs, PreparedCall


def prepare_classify(request: ExamplesRequest, model: LoadedModel, *, check_method_names: bool = False) -> PreparedCall:
    """The call that answers a classify request with JSON bytes.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    signature = example_signature(model, request.signature_name)
    outputs = classification_outputs(model, signature, check_method_name=check_method_names)

    def reply(fetched: Sequence[Outputs], _version: int) -> bytes:
        return classifications_json(read_classifications(signature, fetched[0], len(request.examples)))

    return PreparedCall([example_work(signature, outputs, request.examples)], reply)


def prepare_regress(request: ExamplesRequest, model: LoadedModel, *, check_method_names: bool = False) -> PreparedCall:
    """The call that answers a regress request with JSON bytes.

    Raises:
        RequestError: in the original's words and order of checks.
    """
    signature = example_signature(model, request.signature_name)
    outputs = regression_outputs(model, signature, check_method_name=check_method_names)

    def reply(fetched: Sequence[Outputs], _version: int) -> bytes:
        return regressions_json(read_regressions(signature, fetched[0], len(request.examples)))

    return PreparedCall([example_work(signature, outputs, request.examples)], reply)
