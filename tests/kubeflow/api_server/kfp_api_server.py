"""A server of Kubeflow Pipelines' API v2beta1 on loopback, for tests of what submits to it.

It keeps pipelines, versions, experiments, runs and recurring runs in memory, holds every request and reply against the
published definition (contract.py), and can be told to fail. Statuses, error bodies and the shape of task details follow
backend/src/apiserver of kubeflow/pipelines at 7b70c7b.
"""

from __future__ import annotations

import datetime
import email.parser
import email.policy
import http.server
import itertools
import json
import re
import ssl
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import contract
import yaml
from run_plan import RunPlan, progress, rfc3339

PROXY = re.compile(r"/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy/(?=/)")
"""Before the API's own paths where Kubernetes passes requests on."""
GRPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13, 503: 14}


class RefusedError(Exception):
    """An HTTP status with the words that the backend sends."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Request(NamedTuple):
    """One that was answered."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


class Fault:
    """What happens instead of an answer, to the next `times` requests that match."""

    def __init__(
        self,
        method: str,
        path: str,
        status: int = 503,
        words: str = "planted",
        times: int = 1,
        after: bool = False,
        delay_s: float = 0.0,
        html: bool = False,
        location: str = "",
    ) -> None:
        """`after`: the request is carried out first, and the answer is lost. Status 0: the connection is closed."""
        self.method, self.path, self.status, self.words, self.times = method, re.compile(path), status, words, times
        self.after, self.delay_s, self.html, self.location = after, delay_s, html, location


class KfpApiServer:
    """`host` is what `submission.host` takes."""

    def __init__(self, token: str | None = None, multi_user: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.token = token
        """Bearer token that every request needs; none: nobody asks."""
        self.multi_user = multi_user
        self.plan = RunPlan()
        """Of the runs that are started from now on."""
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.breaches: list[str] = []
        """What the definition does not have; tests end with none."""
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.recurring: dict[str, dict[str, Any]] = {}
        self.uploads: list[bytes] = []
        """Files as they came."""
        self._plans: dict[str, RunPlan] = {}
        self._looks: dict[str, int] = {}
        self._lock = threading.RLock()
        self._seconds = itertools.count()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.host = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, method: str, path: str) -> list[Request]:
        """Requests so far whose path matches in full."""
        return [one for one in self.requests if one.method == method and re.fullmatch(path, one.path)]

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times and fault.method == method and fault.path.search(path):
                    fault.times -= 1
                    return fault
        return None

    def answer(self, request: Request, upload: bytes | None) -> dict[str, Any]:
        """Carries a request out. Raises RefusedError."""
        operation = contract.operation(request.method, request.path)
        if operation is None:
            raise RefusedError(404, "Not Found")
        try:
            contract.check_request(operation, request.query, request.body)
        except contract.ContractError as error:
            self.breaches.append(str(error))
            raise RefusedError(400, str(error)) from None
        function = getattr(self, "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", operation.name.rpartition("_")[2]).lower(), None)
        if function is None:
            raise RefusedError(501, f"{operation.name}: this server has no such method")
        with self._lock:
            arguments = {**request.query, **operation.path_values}
            reply: dict[str, Any] = function(arguments, upload if upload is not None else request.body)
        try:
            contract.check_reply(operation, 200, reply)
        except contract.ContractError as error:
            self.breaches.append(str(error))
        return reply

    def _get_healthz(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        return {"multi_user": self.multi_user}

    def _list_pipelines(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        return _page("pipelines", list(self.pipelines.values()), query)

    def _create_pipeline(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        return self._add(self.pipelines, "pipeline_id", "pipeline", body, [])

    def _list_pipeline_versions(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._have(self.pipelines, query["pipeline_id"], "Pipeline")
        own = [one for one in self.versions.values() if one["pipeline_id"] == query["pipeline_id"]]
        return _page("pipeline_versions", own, query)

    def _get_pipeline_version(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        return self._have(self.versions, query["pipeline_version_id"], "PipelineVersion")

    def _upload_pipeline_version(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        if query.get("pipelineid") not in self.pipelines:
            raise RefusedError(400, "Failed to create a pipeline version")
        self.uploads.append(body)
        try:
            spec = list(yaml.load_all(body, Loader=yaml.CSafeLoader))
        except yaml.YAMLError:
            raise RefusedError(400, "Failed to create a pipeline version") from None
        if spec[0].get("schemaVersion") != "2.1.0":
            raise RefusedError(400, f"unknown schema version {spec[0].get('schemaVersion')}")
        whole = {"pipeline_spec": spec[0], "platform_spec": spec[1]} if len(spec) > 1 else spec[0]
        entry = {"pipeline_id": query["pipelineid"], "display_name": query["name"], "pipeline_spec": whole}
        own = [one for one in self.versions.values() if one["pipeline_id"] == query["pipelineid"]]
        return self._add(self.versions, "pipeline_version_id", "pipeline version", entry, [], own)

    def _list_experiments(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._namespaced(query.get("namespace"))
        return _page("experiments", list(self.experiments.values()), query)

    def _create_experiment(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._namespaced(body.get("namespace"))
        return self._add(self.experiments, "experiment_id", "experiment", body, [])

    def _create_run(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._have(self.experiments, body["experiment_id"], "Experiment")
        self._have(self.versions, body["pipeline_version_reference"]["pipeline_version_id"], "PipelineVersion")
        run = self._add(self.runs, "run_id", "run", {**body, "state": "PENDING"}, ["unnamed twice"])
        self._plans[run["run_id"]], self._looks[run["run_id"]] = self.plan, 0
        return run

    def _list_runs(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        own = [one for one in self.runs.values() if one["experiment_id"] == query.get("experiment_id")]
        return _page("runs", own, query)

    def _get_run(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        run = self._have(self.runs, query["run_id"], "Run")
        looks = self._looks[query["run_id"]]
        self._looks[query["run_id"]] += 1
        version = self.versions[run["pipeline_version_reference"]["pipeline_version_id"]]["pipeline_spec"]
        steps = list(_in_order(version.get("pipeline_spec", version)["root"]["dag"]["tasks"]))
        began = datetime.datetime.fromisoformat(run["created_at"].replace("Z", "+00:00"))
        state, details = progress(self._plans[query["run_id"]], steps, looks, began)
        reply = {**run, "state": state, "run_details": {"task_details": details}}
        if state == "FAILED":
            reply["error"] = {"code": 13, "message": "run failed"}
        return reply

    def _create_recurring_run(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        self._have(self.experiments, body["experiment_id"], "Experiment")
        fields = body.get("trigger", {}).get("cron_schedule", {}).get("cron", "").split()
        if len(fields) != 6:
            raise RefusedError(400, "The Cron string is invalid")
        entry = {**body, "status": "ENABLED" if body["mode"] == "ENABLE" else "DISABLED"}
        entry["max_concurrency"] = str(entry["max_concurrency"])
        entry.setdefault("service_account", "pipeline-runner")  # the backend fills it in
        return self._add(self.recurring, "recurring_run_id", "job", entry, ["may have the same name"])

    def _list_recurring_runs(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        own = [one for one in self.recurring.values() if one["experiment_id"] == query.get("experiment_id")]
        return _page("recurringRuns", own, query)

    def _disable_recurring_run(self, query: dict[str, str], body: Any) -> dict[str, Any]:
        one = self._have(self.recurring, query["recurring_run_id"], "Job")
        one["mode"], one["status"] = "DISABLE", "DISABLED"
        return {}

    def _add(
        self,
        shelf: dict[str, dict[str, Any]],
        key: str,
        what: str,
        entry: dict[str, Any],
        same_names: list[str],
        among: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Names are unique, but for runs and recurring runs."""
        taken = shelf.values() if among is None else among
        if not same_names and any(one["display_name"] == entry["display_name"] for one in taken):
            raise RefusedError(409, f"The {what} {entry['display_name']} already exists. Please specify a new name")
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=next(self._seconds))
        made = {**entry, key: str(uuid.uuid4()), "created_at": rfc3339(now)}
        shelf[made[key]] = made
        return made

    @staticmethod
    def _have(shelf: dict[str, dict[str, Any]], key: str, what: str) -> dict[str, Any]:
        if key not in shelf:
            raise RefusedError(404, f"{what} {key} not found.")
        return shelf[key]

    def _namespaced(self, namespace: str | None) -> None:
        if self.multi_user and not namespace:
            raise RefusedError(400, "Namespace is required in multi-user mode")
        if namespace == "forbidden":
            raise RefusedError(403, "User 'a@example.com' is not authorized with reason")


def _in_order(tasks: dict[str, Any]) -> Iterator[str]:
    waiting = dict(tasks)
    while waiting:
        for name, task in list(waiting.items()):
            if not set(task.get("dependentTasks", ())) & set(waiting):
                del waiting[name]
                yield name


def _page(key: str, entries: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    """One page, as the list methods answer: filter, sort, then page."""
    if query.get("filter"):
        for one in json.loads(query["filter"])["predicates"]:
            assert one["operation"] in (1, "EQUALS"), one
            assert one["key"] == "display_name", one
            entries = [entry for entry in entries if entry["display_name"] == one["stringValue"]]
    field, _, order = query.get("sort_by", "").partition(" ")
    if field:
        entries = sorted(entries, key=lambda entry: str(entry[field]), reverse=order == "desc")
    start = int(query.get("page_token") or 0)
    size = int(query.get("page_size") or 20)
    reply: dict[str, Any] = {key: entries[start : start + size], "total_size": len(entries)}
    if start + size < len(entries):
        reply["next_page_token"] = str(start + size)
    return reply


class _Handler(http.server.BaseHTTPRequestHandler):
    api: KfpApiServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, else each answer waits 40 ms for an acknowledgement

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET  # noqa: N815 - likewise

    def _serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))  # an empty value is none, as in the gateway's query strings
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upload = body = None
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
            part = next(
                one
                for one in message.iter_parts()
                if one.get_param("name", header="Content-Disposition") == "uploadfile"
            )
            upload = part.get_payload(decode=True)
        elif content:
            body = json.loads(content)
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = PROXY.sub("", parts.path)
        request = Request(self.command, path, query, body, headers)
        self.api.requests.append(request)
        fault = self.api.fault_for(self.command, path)
        if fault is not None:
            time.sleep(fault.delay_s)
        try:
            if fault is not None and not fault.after:
                self._fail(fault)
                return
            if self.api.token is not None and self.headers.get("Authorization") != f"Bearer {self.api.token}":
                sent = self.headers.get("Authorization", "")
                raise RefusedError(401, f"Request header error: there is no user identity in {sent!r}")
            reply = self.api.answer(request, upload)
            if fault is not None:
                self._fail(fault)
                return
            self._send(200, reply)
        except RefusedError as error:
            code = GRPC_CODES.get(error.status, 2)
            self._send(error.status, {"code": code, "message": str(error), "details": []})

    def _fail(self, fault: Fault) -> None:
        if fault.status == 0:
            self.close_connection = True
            return
        if fault.html:
            self._send(fault.status, f"<html>{fault.words}</html>".encode(), {"Content-Type": "text/html"})
        elif fault.location:
            self._send(fault.status, b"", {"Location": fault.location})
        else:
            self._send(fault.status, {"code": GRPC_CODES.get(fault.status, 2), "message": fault.words, "details": []})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *arguments: Any) -> None:
        """Nothing: tests read `requests`."""
