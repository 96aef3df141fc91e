"""Object stores behind s3:// and gs:// URIs: how they are reached, and what their errors mean for the person.

Endpoints and credentials come from the environment that the stores' own tools read, and from nowhere else. Nothing here
imports a store's package before a URI asks for it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import fsspec

from adclick.errors import SettingsError

STORES = ("gs", "s3")
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 60
FIRST_ANSWER_TIMEOUT_S = 20
"""Longest that the first request to a bucket may take, retries included."""

CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
}
ENDPOINT = {"s3": "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL", "gs": "STORAGE_EMULATOR_HOST"}
READ_FROM = {"s3": ("AWS_", "HOME"), "gs": ("GOOGLE_", "STORAGE_EMULATOR_HOST", "CLOUDSDK_", "HOME")}
"""Beginnings of the variables that decide who asks whom."""

# Names of exceptions, since importing botocore or google.auth to ask for their classes takes longer than most commands.
NO_CREDENTIALS = {
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
    *("SSOError", "DefaultCredentialsError", "RefreshError"),
}
UNREACHABLE = {
    *("EndpointConnectionError", "HTTPClientError", "ClientConnectionError", "ConnectionError", "TimeoutError"),
    *("TransportError", "ServerTimeoutError"),
}


class Located(NamedTuple):
    """A filesystem and a path within it."""

    files: Any
    path: str


def is_remote(uri: str) -> bool:
    """Whether a URI names a place outside this machine's folders."""
    return "://" in uri


def scheme(uri: str) -> str:
    """`s3` of `s3://bucket/key`; empty for a local path."""
    before, separator, _ = uri.partition("://")
    return before if separator else ""


def locate(uri: str) -> Located:
    """Raises SettingsError for a URI that no installed package can open, or a store without credentials."""
    protocol = scheme(uri)
    if not protocol:
        local = fsspec.filesystem("file")
        return Located(local, local._strip_protocol(os.fspath(uri)))
    if protocol not in STORES:
        try:
            return Located(*fsspec.core.url_to_fs(uri))
        except (ValueError, ImportError) as error:
            raise SettingsError(f"{uri}: cannot be opened: {error}; give a local folder, gs:// or s3://") from None
    if not uri.partition("://")[2].strip("/"):
        raise SettingsError(f"{uri}: names no bucket; write it as {protocol}://bucket/folder")
    with explained(uri):
        return Located(_connected(protocol), uri.partition("://")[2].strip("/"))


_connections: dict[tuple[object, ...], Any] = {}
_connecting = threading.Lock()


def _connected(protocol: str) -> Any:
    """One client for all threads of a process, as long as the environment names the same endpoint and credentials.

    fsspec's own cache keeps one for each thread, and S3's takes a fifth of a second to make.
    """
    environment = sorted((name, value) for name, value in os.environ.items() if name.startswith(READ_FROM[protocol]))
    key = (os.getpid(), protocol, *environment)
    with _connecting:
        if key not in _connections:
            files = fsspec.filesystem(protocol, skip_instance_cache=True, **_options(protocol))
            if protocol == "s3":
                files.connect()  # else each thread that asks first would make a client
            _connections[key] = files
        return _connections[key]


def _options(protocol: str) -> dict[str, Any]:
    """No listing is kept: what arrives between two looks is seen."""
    logging.getLogger("gcsfs").addHandler(logging.NullHandler())  # it prints the trace of each error that it raises
    if protocol == "s3":
        return {
            "use_listings_cache": False,
            "endpoint_url": os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None,
            "config_kwargs": {
                "connect_timeout": CONNECT_TIMEOUT_S,
                "read_timeout": READ_TIMEOUT_S,
                "retries": {"mode": "standard", "max_attempts": 3},
            },
        }
    import aiohttp

    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    return {
        "use_listings_cache": False,
        "endpoint_url": emulator or None,
        # Without a name for the method gcsfs ends up anonymous where credentials are missing, and says "not found".
        "token": "anon" if emulator else "google_default",
        "requests_timeout": aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S),
    }


def holds_objects(uri: str) -> bool:
    """Whether any object lies below a URI of a store: one request, answered in bounded time.

    Raises SettingsError where the bucket is missing, forbidden or out of reach.
    """
    bucket, _, key = uri.partition("://")[2].strip("/").partition("/")
    prefix = f"{key}/" if key else ""
    try:
        files, _ = locate(uri)
        with explained(uri):
            if scheme(uri) == "s3":
                found = _bounded(files, files._call_s3, "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
                return bool(found.get("Contents"))
            found = _bounded(files, files._call, "GET", "b/{}/o", bucket, prefix=prefix, maxResults=1, json_out=True)
            return bool(found.get("items"))
    except FileNotFoundError:
        raise SettingsError(f"{uri}: there is no bucket {bucket!r}; create it or correct the URI") from None
    except SettingsError:
        raise
    except Exception as error:  # an endpoint that is no URL, a broken profile, another region: whatever it is, no trace
        raise SettingsError(
            f"{uri}: cannot be used ({_first_line(error)}); check the URI, {ENDPOINT[scheme(uri)]} and the region"
        ) from error


def _bounded(files: Any, function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    from fsspec.asyn import sync
    from fsspec.exceptions import FSTimeoutError

    try:
        answer: dict[str, Any] = sync(files.loop, function, *arguments, timeout=FIRST_ANSWER_TIMEOUT_S, **options)
    except FSTimeoutError as error:
        raise TimeoutError(f"nothing within {FIRST_ANSWER_TIMEOUT_S} s") from error
    return answer


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turns what credentials, permissions or the network cause into SettingsError; other errors pass as they are."""
    if scheme(uri) not in STORES:
        yield
        return
    try:
        yield
    except Exception as error:
        message = explanation(scheme(uri), error)
        if message is None:
            raise
        raise SettingsError(f"{uri}: {message}") from error


def explanation(protocol: str, error: BaseException) -> str | None:
    """What is wrong and what mends it; None for an error of another kind."""
    names = {one.__name__ for one in type(error).__mro__}
    first_line = _first_line(error)
    if names & NO_CREDENTIALS:
        return f"no usable credentials ({first_line}); {CREDENTIALS[protocol]}"
    code = str(getattr(error, "code", ""))
    if isinstance(error, PermissionError) or str(error).startswith("Forbidden") or code in ("401", "403"):
        return (
            f"access denied ({first_line}); grant these credentials read and, below pipeline_root and push.root, write "
            f"access, or use others: {CREDENTIALS[protocol]}"
        )
    if names & UNREACHABLE:
        return f"the store does not answer ({first_line}); check the network and {ENDPOINT[protocol]}"
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
