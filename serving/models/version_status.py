"""States of a model version, as the status requests report them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from serving.request_error import Code

# Header of REST replies that names the version, as the bodies of TF Serving's protocol do not.
VERSION_HEADER = "adclick-model-version"


class State(IntEnum):
    """Life of a version. Source: tensorflow_serving/apis/get_model_status.proto, ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionStatus:
    """State of one version; a failed load is END with the code and reason."""

    version: int
    state: State
    error_code: Code = Code.OK
    error_message: str = ""
