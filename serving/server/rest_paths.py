"""What a REST path asks for.

Source: tensorflow_serving/model_servers/http_rest_api_util.cc (ParseModelInfo) and http_rest_api_handler.cc.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from urllib.parse import unquote

from serving.request_error import Code, RequestError, invalid_argument

_INT64_MAX = 2**63 - 1
_TARGET = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_INFERENCE_PATH = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_TARGET}:(?P<method>classify|regress|predict)", re.IGNORECASE | re.ASCII
)
_STATUS_PATH = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_TARGET}(?:/(?P<metadata>metadata))?", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class Route:
    """A valid request line: an inference method, `metadata` or `status` of a model."""

    action: str
    name: str
    version: int | None
    label: str | None

    @property
    def is_inference(self) -> bool:
        """Whether the request has a body to be run through a model."""
        return self.action not in ("metadata", "status")


@functools.lru_cache(maxsize=512)
def find_route(method: str, path: str) -> Route:
    """The route of a request line; `path` is undecoded and without query.

    Raises:
        RequestError: NOT_FOUND outside /v1/, INVALID_ARGUMENT for what the API does not know (never 405).
    """
    if not is_below_v1(path):
        raise RequestError(Code.NOT_FOUND, f"Not found: {method} {path}; the API is below /v1/models")
    # Paths match in any case, but the words that choose what to do count as they are written.
    if method == "POST" and (match := _INFERENCE_PATH.fullmatch(path)):
        route = _route(match["method"], match)
        if route.action.islower():
            return route
    elif method == "GET" and (match := _STATUS_PATH.fullmatch(path)):
        route = _route("metadata" if match["metadata"] == "metadata" else "status", match)
        if not route.name:
            raise invalid_argument("Missing model name in request.")
        return route
    raise invalid_argument(f"Malformed request: {method} {path}")


def is_below_v1(path: str) -> bool:
    """Whether a path belongs to the API; all others are not found, whatever the method."""
    return path[:4].lower() == "/v1/"


def _route(action: str, match: re.Match[str]) -> Route:
    digits = match["version"]
    version = None
    if digits:
        version = int(digits) if len(digits) < 4000 else _INT64_MAX + 1  # int() refuses more than 4300 digits
        if version > _INT64_MAX:
            raise invalid_argument(f"Failed to convert version: {digits} to numeric.")
    return Route(action, unquote(match["name"] or ""), version, unquote(match["label"]) if match["label"] else None)
