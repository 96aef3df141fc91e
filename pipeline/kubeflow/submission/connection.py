"""Requests to Kubeflow Pipelines: kfp's client over a pool that knows time limits, patience and plain errors."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import certifi
import urllib3

from adclick.errors import SettingsError
from configs.submission import Submission
from pipeline.kubeflow.submission.credentials import TokenSource, token_source
from pipeline.kubeflow.submission.failures import ApiError, RefusedError, no_api, refused, spoken, unreachable

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
CONNECT_TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
Result = TypeVar("Result")


class _PatientPool(urllib3.PoolManager):
    """Asks again while the server is busy or away; raises ApiError for all else that is no success."""

    def __init__(self, submission: Submission, host: str, token: TokenSource | None, configuration: Any) -> None:
        super().__init__(
            num_pools=2,
            maxsize=4,
            cert_reqs="CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE",
            ca_certs=submission.ca_file or configuration.ssl_ca_cert or certifi.where(),
            cert_file=configuration.cert_file,
            key_file=configuration.key_file,
        )
        self.asked = ""
        """What the request is for, for messages."""
        self.making = False
        """Whether a request that is no GET makes something, and so must not be repeated blindly."""
        self._submission, self._host, self._token = submission, host, token
        self._met = False

    def request(self, method: str, url: str, *args: Any, **rest: Any) -> Any:
        """As urllib3 does, for kfp_server_api's REST client."""
        timeout_s, attempts = self._submission.request_timeout_s, self._submission.max_attempts
        rest["timeout"] = urllib3.Timeout(connect=min(CONNECT_TIMEOUT_S, timeout_s), read=timeout_s)
        for attempt in range(1, attempts + 1):
            try:
                reply = super().request(method, url, *args, retries=False, redirect=False, **rest)
                self._met = True
                error = self._judge(reply)
                if error is None:
                    return reply
            except urllib3.exceptions.HTTPError as wire:
                error = unreachable(wire, self._host, self.asked, self._submission.ca_file, timeout_s)
                if not self._met:  # more likely a wrong address than a server that is away
                    raise error from None
            if not error.passing or (self.making and method != "GET") or attempt == attempts:
                raise error
            pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def _judge(self, reply: Any) -> ApiError | None:
        if 200 <= reply.status < 300:
            kind = reply.headers.get("Content-Type", "").partition(";")[0]
            return no_api(self._host, self.asked, kind) if reply.data.strip() and "json" not in kind else None
        words, place, location = spoken(reply.data), None, reply.headers.get("Location", "")
        if self._token is not None:
            place = self._token.place
            words, location = self._token.conceal(words), self._token.conceal(location)
        return refused(reply.status, self._host, self.asked, words, place, location)


class Connection:
    """An API that has answered, and kfp's client for it."""

    def __init__(self, submission: Submission, client: Any, pool: _PatientPool, host: str) -> None:
        self.submission = submission
        self.host = host
        self.client = client
        self.namespace: str | None = None
        self._pool = pool

    def ask(self, asked: str, function: Callable[..., Result], **arguments: Any) -> Result:
        """The answer. `asked`: what it is for, in messages. Raises ApiError."""
        self._pool.asked = asked
        with _quiet():
            return function(**arguments)

    def create(
        self, asked: str, find: Callable[[], Result | None], function: Callable[..., Result], **arguments: Any
    ) -> Result:
        """The same for what must not be made twice: `find` looks for it before another try, and where it exists.

        After an answer that was lost there is no other try: the server may still be at it.
        """
        attempts = self.submission.max_attempts
        for attempt in range(1, attempts + 1):
            self._pool.making = True
            try:
                return self.ask(asked, function, **arguments)
            except ApiError as error:
                self._pool.making = False
                exists = isinstance(error, RefusedError) and error.status == HTTPStatus.CONFLICT
                found = find() if exists or error.passing else None
                if found is not None:
                    return found
                if not error.passing or error.perhaps_done or attempt == attempts:
                    raise
                pause(attempt)
            finally:
                self._pool.making = False
        raise AssertionError("the last attempt returns or raises")

    def link(self, path: str) -> str:
        """Address of a page of the user interface; empty where only the API is known."""
        return f"{self.host}/#/{path}" if self.submission.host is not None else ""


def pause(attempt: int) -> None:
    """Twice as long after each attempt."""
    time.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1)))


def connect(submission: Submission) -> Connection:
    """A client that has had an answer. Raises SettingsError, ApiError."""
    if submission.ca_file is not None and not Path(submission.ca_file).is_file():
        raise SettingsError(f"submission.ca_file: {submission.ca_file}: no such file")
    token = token_source(submission)
    client = _client(submission, token)
    api_client = client._run_api.api_client  # kfp offers no other way to set time limits
    configuration = api_client.configuration
    if submission.host is None and configuration.host == "http://localhost":
        raise SettingsError(
            "submission.host is missing, this is no pod of a cluster, and kubectl is set to none: give the URL of "
            "Kubeflow Pipelines, such as https://kubeflow.example.com"
        )
    if not configuration.host.startswith(("http://", "https://")):
        configuration.host = f"http://{configuration.host}"  # the service within a cluster, which has no TLS
    pool = _PatientPool(submission, configuration.host, token, configuration)
    api_client.rest_client.pool_manager = pool
    connection = Connection(submission, client, pool, configuration.host)
    health = connection.ask("is it there", client.healthzs.get_healthz)
    connection.namespace = submission.namespace or (_namespace_of_pod() if health.multi_user else None)
    if health.multi_user and connection.namespace is None:
        raise SettingsError(
            f"submission.namespace is missing: several users share {configuration.host}; give the one of your profile"
        )
    return connection


def _namespace_of_pod() -> str | None:
    return NAMESPACE_FILE.read_text(encoding="ascii").strip() if NAMESPACE_FILE.is_file() else None


def _client(submission: Submission, token: TokenSource | None) -> Any:
    """kfp's client. It reads the token anew for each request, and asks nothing of the server while it is made: kfp's
    own does so five times, with tracebacks and without a time limit."""
    import kfp
    import kfp_server_api
    from kfp.client.token_credentials_base import TokenCredentialsBase

    class Bearer(TokenCredentialsBase):
        def refresh_api_key_hook(self, config: Any) -> None:
            assert token is not None
            config.api_key["authorization"] = token.read()

    class Client(kfp.Client):
        def get_kfp_healthz(self, *_: Any) -> Any:
            return kfp_server_api.V2beta1GetHealthzResponse(multi_user=False)

    with _quiet():
        return Client(host=submission.host, credentials=None if token is None else Bearer())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """kfp prints links and warnings; ours say the same in our words."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
