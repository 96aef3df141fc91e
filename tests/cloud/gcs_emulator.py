"""A Google Cloud Storage server on loopback, for tests: the part of the JSON API that clients of objects use.

Protocol: https://cloud.google.com/storage/docs/json_api/v1. The one such server on PyPI, gcp-storage-emulator 2024.8.3,
drops a carriage return before a multipart boundary and refuses uploads in chunks of unknown total, which gcsfs sends.
test_gcs_emulator.py holds this one against Google's own client.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import itertools
import json
import re
import threading
import urllib.parse
import uuid
from typing import Any, NamedTuple

import google_crc32c

BUCKET = re.compile(r"/storage/v1/b/([^/]+)")
OBJECTS = re.compile(r"/storage/v1/b/([^/]+)/o")
OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^/]+)")
REWRITE = re.compile(r"/storage/v1/b/([^/]+)/o/([^/]+)/(?:rewriteTo|copyTo)/b/([^/]+)/o/([^/]+)")
UPLOAD = re.compile(r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o")


class RefusedError(Exception):
    """An HTTP status with the error body that GCS sends."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class StoredObject(NamedTuple):
    """Bytes of an object and what the API tells of it."""

    content: bytes
    resource: dict[str, Any]


class Session:
    """A resumable upload under way."""

    def __init__(self, bucket: str, name: str, content_type: str, match: str | None) -> None:
        self.bucket, self.name, self.content_type, self.match = bucket, name, content_type, match
        self.content = bytearray()


class GcsEmulator:
    """Buckets in memory behind a threaded HTTP server; `endpoint` is what STORAGE_EMULATOR_HOST takes."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, StoredObject]] = {}
        self.forbidden: set[str] = set()
        """Buckets to which every request is answered with 403."""
        self.requests: list[str] = []
        """Method and path of each request so far."""
        self.sessions: dict[str, Session] = {}
        self.lock = threading.RLock()
        self._generations = itertools.count(1)
        handler = type("Handler", (_Handler,), {"emulator": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def bucket(self, name: str) -> dict[str, StoredObject]:
        if name in self.forbidden:
            raise RefusedError(403, "the caller does not have storage.objects access")
        if name not in self.buckets:
            raise RefusedError(404, "The specified bucket does not exist.")
        return self.buckets[name]

    def object(self, bucket: str, name: str) -> StoredObject:
        objects = self.bucket(bucket)
        if name not in objects:
            raise RefusedError(404, f"No such object: {bucket}/{name}")
        return objects[name]

    def store(self, bucket: str, name: str, content: bytes, content_type: str, match: str | None) -> dict[str, Any]:
        """`match`: ifGenerationMatch; "0" demands that there is no such object yet."""
        with self.lock:
            objects = self.bucket(bucket)
            found = objects[name].resource["generation"] if name in objects else "0"
            if match is not None and match != found:
                raise RefusedError(412, "At least one of the pre-conditions you specified did not hold.")
            resource = {
                "kind": "storage#object",
                "bucket": bucket,
                "name": name,
                "id": f"{bucket}/{name}",
                "generation": str(next(self._generations)),
                "metageneration": "1",
                "size": str(len(content)),
                "contentType": content_type,
                "timeCreated": "2026-01-01T00:00:00.000Z",
                "updated": "2026-01-01T00:00:00.000Z",
                "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
                "crc32c": base64.b64encode(google_crc32c.Checksum(content).digest()).decode(),
            }
            objects[name] = StoredObject(content, resource)
            return resource

    def listing(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        """One page: objects, and what lies before the next delimiter of the others."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        page_size, after = int(query.get("maxResults", 1000)), query.get("pageToken", "")
        items: list[dict[str, Any]] = []
        prefixes: set[str] = set()
        for name in sorted(self.bucket(bucket)):
            rest = name[len(prefix) :]
            if not name.startswith(prefix):
                continue
            group = prefix + rest.partition(delimiter)[0] + delimiter if delimiter and delimiter in rest else ""
            if (group or name) <= after or group in prefixes:
                continue
            if len(items) + len(prefixes) == page_size:
                last = max([item["name"] for item in items] + list(prefixes))
                return {"items": items, "prefixes": sorted(prefixes), "nextPageToken": last}
            if group:
                prefixes.add(group)
            else:
                items.append(self.buckets[bucket][name].resource)
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(prefixes)}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    emulator: GcsEmulator

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY: header and body go out as two packets

    def handle_request(self) -> None:
        body = self._body()
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        with self.emulator.lock:
            self.emulator.requests.append(f"{self.command} {url.path}")
        try:
            with self.emulator.lock:
                self._route(url.path, query, body)
        except RefusedError as refused:
            error = {"error": {"code": refused.status, "message": str(refused)}}
            self._answer(error, status=refused.status)

    do_GET = do_POST = do_PUT = do_DELETE = handle_request  # noqa: N815 - names are http.server's

    def _route(self, path: str, query: dict[str, str], body: bytes) -> None:
        def parts(pattern: re.Pattern[str]) -> list[str] | None:
            match = pattern.fullmatch(path)
            return [urllib.parse.unquote(part) for part in match.groups()] if match else None

        emulator, method = self.emulator, self.command
        if path == "/storage/v1/b" and method == "POST":
            name = json.loads(body)["name"]
            emulator.buckets.setdefault(name, {})
            self._answer({"kind": "storage#bucket", "name": name})
        elif (found := parts(BUCKET)) and method == "GET":
            emulator.bucket(*found)
            self._answer({"kind": "storage#bucket", "name": found[0]})
        elif (found := parts(OBJECTS)) and method == "GET":
            self._answer(emulator.listing(found[0], query))
        elif (found := parts(OBJECT)) and method == "GET":
            stored = emulator.object(*found)
            if query.get("alt") == "media":
                self._media(stored)
            else:
                self._answer(stored.resource)
        elif (found := parts(OBJECT)) and method == "DELETE":
            emulator.object(*found)
            del emulator.buckets[found[0]][found[1]]
            self._send(204, b"", {})
        elif (found := parts(REWRITE)) and method == "POST":
            stored = emulator.object(*found[:2])
            kind = stored.resource["contentType"]
            resource = emulator.store(found[2], found[3], stored.content, kind, query.get("ifGenerationMatch"))
            size = resource["size"]
            done = {"done": True, "totalBytesRewritten": size, "objectSize": size, "resource": resource}
            self._answer(done if "rewriteTo" in path else resource)
        elif (found := parts(UPLOAD)) and method in ("POST", "PUT"):
            self._upload(found[0], query, body)
        else:
            raise RefusedError(400, f"{method} {path} is not emulated")

    def _upload(self, bucket: str, query: dict[str, str], body: bytes) -> None:
        emulator, match = self.emulator, query.get("ifGenerationMatch")
        content_type = self.headers.get("Content-Type", "application/octet-stream")
        if "upload_id" in query:
            self._resume(emulator.sessions[query["upload_id"]], body)
        elif query["uploadType"] == "media":
            self._answer(emulator.store(bucket, query["name"], body, content_type, match))
        elif query["uploadType"] == "multipart":
            metadata, content, kind = _split_multipart(body, content_type)
            self._answer(emulator.store(bucket, query.get("name") or metadata["name"], content, kind, match))
        else:
            emulator.bucket(bucket)
            name = query.get("name") or json.loads(body)["name"]
            kind = self.headers.get("X-Upload-Content-Type", "application/octet-stream")
            key = uuid.uuid4().hex
            emulator.sessions[key] = Session(bucket, name, kind, match)
            location = f"{emulator.endpoint}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={key}"
            self._send(200, b"{}", {"Location": location})

    def _resume(self, session: Session, body: bytes) -> None:
        """Chunks come as `bytes 0-9/*`, the last one as `bytes 10-12/13` or, without bytes, as `bytes */13`."""
        start, end, total = re.fullmatch(
            r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)",
            self.headers.get("Content-Range", f"bytes 0-{len(body) - 1}/{len(body)}"),
        ).groups()
        if start is not None:
            if int(start) != len(session.content) or int(end) - int(start) + 1 != len(body):
                raise RefusedError(400, f"chunk {start}-{end} does not follow {len(session.content)} bytes")
            session.content += body
        if total == "*" or int(total) > len(session.content):
            received = {"Range": f"bytes=0-{len(session.content) - 1}"} if session.content else {}
            self._send(308, b"", received)
            return
        content = bytes(session.content)
        self._answer(self.emulator.store(session.bucket, session.name, content, session.content_type, session.match))

    def _media(self, stored: StoredObject) -> None:
        content, resource = stored
        headers = {
            "Content-Type": resource["contentType"],
            "X-Goog-Hash": f"crc32c={resource['crc32c']},md5={resource['md5Hash']}",
        }
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            self._send(200, content, headers)
            return
        start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if start >= len(content):
            raise RefusedError(416, "The requested range cannot be satisfied.")
        headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
        self._send(206, content[start : end + 1], headers)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, value: dict[str, Any], status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _split_multipart(body: bytes, content_type: str) -> tuple[dict[str, Any], bytes, str]:
    """Metadata, content and its type.

    gcsfs ends lines with a newline alone, Google's client with carriage return and newline, so that a carriage return
    before the last boundary is content for the one and part of the boundary for the other: the first line tells.
    """
    marker = b"--" + re.search(r"boundary=[\"']?([^\"';]+)", content_type)[1].encode()
    newline = b"\r\n" if body.startswith(marker + b"\r\n") else b"\n"
    between = body.index(newline + marker + newline)
    metadata = body[:between].partition(newline * 2)[2]
    headers, _, rest = body[between + len(newline + marker + newline) :].partition(newline * 2)
    kind = re.search(r"(?i)content-type: *([^\r\n]+)", headers.decode())
    return json.loads(metadata), rest[: rest.rindex(newline + marker + b"--")], kind[1] if kind else ""
