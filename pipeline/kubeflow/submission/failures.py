"""What an API's refusals and silences mean, and what to do about them.

ApiError            exit status 1: the API failed or could not be reached
└── RefusedError    exit status 2: it answered, and settings or rights must change first
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from adclick.errors import AdclickError, SettingsError

BUSY = (429, 502, 503, 504)
"""HTTP statuses after which the same request may well succeed."""


class ApiError(AdclickError):
    """The API failed, or could not be reached."""

    def __init__(self, message: str, passing: bool = False, perhaps_done: bool = False) -> None:
        """`passing`: it may well work later. `perhaps_done`: the server may have acted all the same."""
        super().__init__(message)
        self.passing = passing
        self.perhaps_done = perhaps_done


class RefusedError(ApiError, SettingsError):
    """The API answered, and what was asked will not do."""

    exit_status = 2

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def spoken(body: bytes) -> str:
    """The server's own words, from what grpc-gateway and the upload server write."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document: Any = json.loads(text)
    except ValueError:
        return "" if text.startswith("<") else text
    if not isinstance(document, Mapping):
        return ""
    words = document.get("message") or document.get("error") or document.get("error_message")
    return str(words) if words else ""


def refused(status: int, host: str, asked: str, words: str, token_place: str | None, location: str = "") -> ApiError:
    """The error for an HTTP status; `location` is where a redirection leads."""
    said = f": {_one_line(words)}" if words else ""
    head = f"{host}: {asked}"
    if status in BUSY:
        return ApiError(
            f"{head}: the server is busy or away (HTTP {status}){said}; try again later, or raise "
            "submission.max_attempts",
            passing=True,
            perhaps_done=status in (502, 504),
        )
    if 300 <= status < 400 or status == 401:
        why = f"sends to {location}" if 300 <= status < 400 else f"HTTP {status}{said}"
        if token_place is None:
            mend = "put a bearer token into ADCLICK_KFP_TOKEN, or name another place with submission.token_variable"
        else:
            mend = f"the token of {token_place} is not taken: it may be old, or of another server"
        return RefusedError(f"{head}: not signed in ({why}); {mend}", status)
    if status == 403:
        return RefusedError(
            f"{head}: not allowed (HTTP 403){said}; let the account behind the token do this in the namespace, or set "
            "submission.namespace to one of its own",
            status,
        )
    if status == 404:
        return RefusedError(
            f"{head}: not found (HTTP 404){said}; check the ID, and that submission.host is the address of Kubeflow "
            "Pipelines, below which /apis/v2beta1 lies",
            status,
        )
    if status == 409:
        return RefusedError(f"{head}: it exists (HTTP 409){said}", status)
    if 400 <= status < 500:
        return RefusedError(
            f"{head}: refused (HTTP {status}){said}; `adclick kubeflow lint` finds what backends refuse in a file",
            status,
        )
    return ApiError(f"{head}: the server failed (HTTP {status}){said}; its log says why")


def no_api(host: str, asked: str, content_type: str) -> RefusedError:
    """Something else than the API answered, such as a proxy's page to sign in."""
    return RefusedError(
        f"{host}: {asked}: the answer is {content_type or 'of no type'} and not JSON, as of a page to sign in; check "
        "submission.host, and that a token is sent that the proxy before it takes",
        200,
    )


def unreachable(error: BaseException, host: str, asked: str, ca_file: str | None, timeout_s: float) -> ApiError:
    """The error for a request without an answer."""
    import urllib3.exceptions as wire

    head = f"{host}: {asked}"
    reason = error.reason if isinstance(error, wire.MaxRetryError) and error.reason is not None else error
    if isinstance(reason, wire.SSLError):
        now = f" (now {ca_file})" if ca_file else ""
        mend = (
            f"name the file of its certificate authority with submission.ca_file{now}"
            if "CERTIFICATE_VERIFY_FAILED" in str(reason)
            else "does it speak TLS? Write http:// in submission.host if it does not"
        )
        return ApiError(f"{head}: no trusted connection ({_one_line(str(reason))}); {mend}")
    if isinstance(reason, wire.NewConnectionError):
        if "Name or service not known" in str(reason) or "name resolution" in str(reason):
            return ApiError(f"{head}: no such host; check submission.host", passing=True)
        return ApiError(
            f"{head}: nobody answers there ({str(reason).rpartition(': ')[2]}); check submission.host, and that the "
            "port is forwarded if it is a local one: kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80",
            passing=True,
        )
    if isinstance(reason, wire.ConnectTimeoutError):
        return ApiError(f"{head}: no connection within {timeout_s:g} s; check submission.host", passing=True)
    if isinstance(reason, wire.TimeoutError):
        return ApiError(
            f"{head}: no answer within {timeout_s:g} s; try again, or raise submission.request_timeout_s",
            passing=True,
            perhaps_done=True,
        )
    return ApiError(f"{head}: the connection broke ({_one_line(str(reason))})", passing=True, perhaps_done=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]
