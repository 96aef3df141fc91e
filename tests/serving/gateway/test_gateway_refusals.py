"""What the gateway refuses, and with which code: each over HTTP, from a running gateway."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import hmac
import http.client
import io
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from gateway_process import ROW, SECRET, GatewayProcess, RsaPair, token
from PIL import Image


def _encoded(part: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def _unsigned(algorithm: str) -> str:
    claims = {"sub": "client-a", "aud": "adclick-tests", "exp": time.time() + 600}
    return (_encoded({"alg": algorithm, "typ": "JWT"}) + b"." + _encoded(claims) + b".").decode()


def _hmac_by(secret: bytes, algorithm: str = "HS256", claims: bytes = b"", **head: Any) -> str:
    """Signed without a library: PyJWT refuses to sign what no issuer should."""
    good = {"sub": "client-a", "aud": "adclick-tests", "exp": time.time() + 600}
    payload = base64.urlsafe_b64encode(claims).rstrip(b"=") if claims else _encoded(good)
    signed = _encoded({"alg": algorithm, "typ": "JWT", **head}) + b"." + payload
    digest = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + digest).decode()


def _tampered(good: str) -> str:
    head, _, signature = good.split(".")
    claims = {"sub": "somebody-else", "aud": "adclick-tests", "exp": time.time() + 600}
    return ".".join([head, _encoded(claims).decode(), signature])


def _claiming(rest: str) -> str:
    """A good signature over claims that no library would write."""
    return _hmac_by(SECRET.encode(), claims=f'{{"sub": "client-a", "aud": "adclick-tests", {rest}}}'.encode())


TOKENS: dict[str, tuple[Callable[[RsaPair], str], str]] = {
    "tampered": (lambda _: _tampered(token()), "token_bad_signature"),
    "another secret": (lambda _: token("another-secret-of-at-least-32-bytes!"), "token_bad_signature"),
    "expired": (lambda _: token(exp=time.time() - 60), "token_expired"),
    "not yet valid": (lambda _: token(nbf=time.time() + 60), "token_not_yet_valid"),
    "issued in the future": (lambda _: token(iat=time.time() + 60), "token_not_yet_valid"),
    "wrong audience": (lambda _: token(aud="another"), "token_wrong_audience"),
    "no audience": (lambda _: token(aud=None), "token_claim_missing"),
    "no expiry": (lambda _: token(exp=None), "token_claim_missing"),
    "no subject": (lambda _: token(sub=None), "token_claim_missing"),
    "expiry is no number": (lambda _: token(exp="tomorrow"), "token_malformed"),
    "alg none": (lambda _: _unsigned("none"), "token_algorithm_refused"),
    "alg None": (lambda _: _unsigned("None"), "token_algorithm_refused"),
    "alg HS384": (lambda _: token(2 * SECRET, "HS384"), "token_algorithm_refused"),
    "alg HS256 with the RSA public key": (lambda pair: _hmac_by(pair.public), "token_bad_signature"),
    "alg RS256 with an HMAC": (lambda pair: _hmac_by(pair.public, "RS256"), "token_bad_signature"),
    "a critical extension that nobody knows": (
        lambda _: _hmac_by(SECRET.encode(), crit=["http://x.example"]), "token_malformed",
    ),
    "an unencoded payload": (lambda _: _hmac_by(SECRET.encode(), crit=["b64"], b64=False), "token_malformed"),
    "a kid that is no text": (lambda _: _hmac_by(SECRET.encode(), kid=["a"]), "token_malformed"),
    "a list of algorithms": (lambda _: _hmac_by(SECRET.encode(), alg=["HS256"]), "token_algorithm_refused"),
    "a key of its own": (lambda _: _hmac_by(b"k" * 32, jwk={"kty": "oct", "k": "a2s"}), "token_bad_signature"),
    "a token within a token": (lambda _: _hmac_by(SECRET.encode(), claims=token().encode()), "token_malformed"),
    "expiry is NaN": (lambda _: _claiming('"exp": NaN'), "token_malformed"),
    "expiry is infinite": (lambda _: _claiming('"exp": 1e999'), "token_malformed"),
    "expiry is true": (lambda _: _claiming('"exp": true'), "token_malformed"),
    "expiry has 4500 digits": (lambda _: _claiming(f'"exp": 1{"0" * 4500}'), "token_malformed"),
    "a deep claim": (lambda _: _claiming(f'"exp": 9999999999, "a": {"[" * 2500}{"]" * 2500}'), "token_malformed"),
    "an empty subject": (lambda _: token(sub=""), "token_malformed"),
    "a list of other audiences": (lambda _: token(aud=["adclick", "x"]), "token_wrong_audience"),
    "two tokens": (lambda _: f"{token()} {token()}", "token_malformed"),
    "oversized": (lambda _: token(padding="x" * 10_000), "token_too_large"),
    "no JWT": (lambda _: "abc", "token_malformed"),
    "brackets in the head": (
        lambda _: base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("=") + ".e30.", "token_malformed",
    ),
    "no text": (lambda _: base64.urlsafe_b64encode(b"\xff\xfe{").decode() + ".e30.AA", "token_malformed"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_that_does_not_count_is_refused(gateway: GatewayProcess, rsa_pair: RsaPair, case: str) -> None:
    make, code = TOKENS[case]
    status, answer, headers = gateway.predict(ROW, make(rsa_pair))
    assert (status, answer["code"], answer["success"]) == (401, code, False)
    assert headers["www-authenticate"] == 'Bearer error="invalid_token"'


def _raw(gateway: GatewayProcess, request: bytes) -> bytes:
    """All that comes back until the gateway closes, or says nothing for half a second."""
    received = b""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                received += piece
                connection.settimeout(0.5)
    return received


def test_two_tokens_in_two_headers_are_refused(gateway: GatewayProcess) -> None:
    """A proxy in front may have verified the other one."""
    body, good = json.dumps(ROW).encode(), f"Authorization: Bearer {token()}\r\n"
    for headers in (f"{good}Authorization: Bearer x\r\n", f"Authorization: Bearer x\r\n{good}", 2 * good):
        head = f"POST /v1/predict HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        received = _raw(gateway, head.encode() + body)
        assert received.startswith(b"HTTP/1.1 401 ")
        assert b'"token_malformed"' in received


FRAMES = {
    "two lengths": "Content-Length: {length}\r\nContent-Length: 0\r\n",
    "the same length twice": "Content-Length: {length}\r\nContent-Length: {length}\r\n",
    "a list of lengths": "Content-Length: {length}, {length}\r\n",
    "a sign": "Content-Length: +{length}\r\n",
    "a negative length": "Content-Length: -1\r\n",
    "a length in hexadecimal": "Content-Length: 0x10\r\n",
    "a length beyond 64 bits": "Content-Length: 99999999999999999999999\r\n",
    "length and chunks": "Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n",
    "another transfer coding": "Transfer-Encoding: xchunked\r\n",
    "a space before the colon": "Content-Length : {length}\r\n",
    "a vertical tab": "Transfer-Encoding:\x0bchunked\r\nContent-Length: {length}\r\n",
    "a NUL": "X-A: a\0b\r\nContent-Length: {length}\r\n",
}


@pytest.mark.parametrize("case", FRAMES)
def test_a_request_whose_end_is_in_doubt_is_refused_with_its_connection(gateway: GatewayProcess, case: str) -> None:
    """Else what a proxy takes for a body could be a request here (RFC 9112, section 11.2)."""
    body = json.dumps(ROW).encode()
    headers = FRAMES[case].format(length=len(body))
    head = f"POST /v1/predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n{headers}\r\n".encode()
    received = _raw(gateway, head + body + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"alive" not in received


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}])
def test_a_request_without_a_token_is_refused(gateway: GatewayProcess, header: dict[str, str]) -> None:
    status, answer, _ = gateway.http("POST", "/v1/predict", ROW, header)
    assert (status, answer["code"]) == (401, "token_missing")


def test_tokens_of_both_algorithms_count(gateway: GatewayProcess, rsa_pair: RsaPair) -> None:
    assert gateway.predict(ROW, token(rsa_pair.private, "RS256"))[0] == 200
    skewed = {"exp": time.time() - 2, "nbf": time.time() - 10}  # within the leeway of 5 s
    assert gateway.predict(ROW, token(**skewed))[0] == 200


def _png(width: int, height: int) -> str:
    """A head that announces so many pixels, with none behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", b"") + chunk(b"IEND", b"")).decode()


def _tiff() -> str:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "TIFF")
    return base64.b64encode(stream.getvalue()).decode()


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"sitee": "abc"}, "field_unknown"),
    "the label": ({"clicked": 1}, "field_unknown"),
    "a hash in place of the value": ({"email_hashed": "00"}, "field_unknown"),
    "required field is null": ({"site": None}, "field_missing"),
    "required field is empty": ({"site": ""}, "field_missing"),
    "required identifier is null": ({"impression_id": None}, "field_missing"),
    "below its range": ({"age": -1}, "field_out_of_range"),
    "above its range": ({"age": 130.5}, "field_out_of_range"),
    "beyond float32": ({"bid": 1e39}, "field_out_of_range"),
    "a huge integer": ({"bid": 10**300}, "field_out_of_range"),
    "text for a number": ({"bid": "1.0"}, "field_wrong_type"),
    "a truth value for a number": ({"bid": True}, "field_wrong_type"),
    "a list for a number": ({"bid": [1.0]}, "field_wrong_type"),
    "a number for text": ({"site": 3}, "field_wrong_type"),
    "an object for text": ({"site": {"b64": "AA=="}}, "field_wrong_type"),
    "nested lists for text": ({"site": [[[[]]]]}, "field_wrong_type"),
    "a word for a time": ({"timestamp": "yesterday"}, "field_wrong_type"),
    "a time out of any calendar": ({"timestamp": 10**15}, "field_wrong_type"),
    "long text": ({"site": "x" * 1025}, "field_too_long"),
    "key: parent": ({"image": "../../etc/passwd"}, "creative_key_refused"),
    "key: parent inside": ({"image": "images/../../x.jpg"}, "creative_key_refused"),
    "key: absolute": ({"image": "/etc/passwd"}, "creative_key_refused"),
    "key: drive": ({"image": "C:/x.jpg"}, "creative_key_refused"),
    "key: backslash": ({"image": "images\\..\\x.jpg"}, "creative_key_refused"),
    "key: NUL": ({"image": "images/x.jpg\0.png"}, "creative_key_refused"),
    "key: escaped": ({"image": "images/%2e%2e/x.jpg"}, "creative_key_refused"),
    "key: home": ({"image": "~root/x.jpg"}, "creative_key_refused"),
    "key: URL": ({"image": "file:///images/x.png"}, "creative_key_refused"),
    "key: empty part": ({"image": "images//x.jpg"}, "creative_key_refused"),
    "image: no base64": ({"image_bytes": "%%%%"}, "image_not_base64"),
    "image: not ASCII": ({"image_bytes": "ééé="}, "image_not_base64"),
    "image: no text": ({"image_bytes": 5}, "field_wrong_type"),
    "image: no image": ({"image_bytes": base64.b64encode(b"<svg/>").decode()}, "image_unreadable"),
    "image: a format that the model does not take": ({"image_bytes": _tiff()}, "image_unreadable"),
    "image: too many bytes": ({"image_bytes": "A" * 80_000}, "image_too_large"),
    "image: too many pixels": ({"image_bytes": _png(501, 500)}, "image_too_many_pixels"),
    "image: a bomb": ({"image_bytes": _png(60_000, 60_000)}, "image_too_many_pixels"),
    "image: bytes and URL": (
        {"image_bytes": _png(5, 5), "image_url": "https://allowed.example/x.png"}, "image_ambiguous",
    ),
    "URL: no text": ({"image_url": 5}, "field_wrong_type"),
    "URL: http": ({"image_url": "http://allowed.example/x.png"}, "image_url_refused"),
    "URL: file": ({"image_url": "file:///images/x.png"}, "image_url_refused"),
    "URL: another host": ({"image_url": "https://evil.example/x.png"}, "image_url_refused"),
    "URL: a host below": ({"image_url": "https://evil.allowed.example/x.png"}, "image_url_refused"),
    "URL: a host behind": ({"image_url": "https://allowed.example.evil.example/x.png"}, "image_url_refused"),
    "URL: another port": ({"image_url": "https://allowed.example:22/x.png"}, "image_url_refused"),
    "URL: no such port": ({"image_url": "https://allowed.example:99999/x.png"}, "image_url_refused"),
    "URL: user name": ({"image_url": "https://allowed.example@evil.example/x.png"}, "image_url_refused"),
    "URL: user name of an allowed host": ({"image_url": "https://a:b@allowed.example/x.png"}, "image_url_refused"),
    "URL: backslash": ({"image_url": "https://allowed.example\\@evil.example/x"}, "image_url_refused"),
    "URL: a line": ({"image_url": "https://allowed.example/\r\nHost: evil"}, "image_url_refused"),
    "URL: letters that look alike": ({"image_url": "https://аllowed.example/x.png"}, "image_url_refused"),
    "URL: dot behind": ({"image_url": "https://allowed.example./x.png"}, "image_url_refused"),
    "URL: brackets": ({"image_url": "https://[::1/x.png"}, "image_url_refused"),
    "URL: IPv6 loopback": ({"image_url": "https://[::1]/x.png"}, "image_url_refused"),
    "URL: long": ({"image_url": "https://allowed.example/" + "x" * 3000}, "image_url_refused"),
    "URL: loopback by name": ({"image_url": "https://localhost/x.png"}, "image_address_refused"),
    "URL: metadata service": ({"image_url": "https://169.254.169.254/latest"}, "image_address_refused"),
}  # fmt: skip


@pytest.mark.parametrize("case", FIELDS)
def test_a_row_that_cannot_be_taken_is_refused(gateway: GatewayProcess, case: str) -> None:
    fields, code = FIELDS[case]
    status, answer, _ = gateway.predict({**ROW, **fields})
    assert (status, answer["code"], answer["success"]) == (422, code, False)
    assert answer["prediction"] is None
    assert answer["message"]


DEEP = b"[" * 100_000
BODIES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "empty": (b"", {}, 400, "malformed_json"),
    "cut": (b'{"site": "a', {}, 400, "malformed_json"),
    "NaN": (b'{"bid": NaN}', {}, 400, "malformed_json"),
    "Infinity": (b'{"bid": Infinity}', {}, 400, "malformed_json"),
    "infinite by its exponent": (b'{"bid": 1e999}', {}, 400, "malformed_json"),
    "not UTF-8": (b'{"site": "\xff"}', {}, 400, "malformed_json"),
    "half a surrogate": (b'{"site": "\\ud800"}', {}, 400, "malformed_json"),
    "nested deep": (DEEP, {}, 400, "malformed_json"),
    "nested deep in a field": (b'{"site": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", {}, 400, "malformed_json"),
    "a number": (b"5", {}, 400, "malformed_request"),
    "an empty list": (b"[]", {}, 400, "malformed_request"),
    "too many rows": (json.dumps([ROW] * 11).encode(), {}, 413, "too_many_rows"),
    "giant": (b"x" * 200_001, {}, 413, "body_too_large"),
    "gzip": (gzip.compress(b"{}"), {"Content-Encoding": "gzip"}, 415, "encoding_unsupported"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_cannot_be_taken_is_refused(gateway: GatewayProcess, case: str) -> None:
    body, headers, wanted, code = BODIES[case]
    status, answer, _ = gateway.predict(body, **headers)
    assert (status, answer["code"]) == (wanted, code)


def test_a_row_that_is_no_object_fails_alone(gateway: GatewayProcess) -> None:
    answer = gateway.predict([ROW, 5, None])[1]
    assert [each["code"] for each in answer["predictions"]] == ["ok", "row_not_object", "row_not_object"]


def test_a_giant_body_is_refused_before_it_arrives_and_also_without_its_length(gateway: GatewayProcess) -> None:
    headers = {"Authorization": f"Bearer {token()}", "Content-Length": str(10**12)}
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.putrequest("POST", "/v1/predict")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert json.loads(connection.getresponse().read())["code"] == "body_too_large"
    connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    pieces = (b"x" * 50_000 for _ in range(5))  # 250,000 bytes, 200,000 are allowed
    bearer = {"Authorization": f"Bearer {token()}"}
    connection.request("POST", "/v1/predict", pieces, bearer, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["code"] == "body_too_large"
    connection.close()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/predict", 405), ("POST", "/v1/other", 404)])
def test_other_paths_and_methods_are_refused_in_the_same_words(
    gateway: GatewayProcess, method: str, path: str, status: int
) -> None:
    found, answer, _ = gateway.http(method, path)
    assert (found, answer["success"]) == (status, False)
    assert answer["code"] == {404: "not_found", 405: "method_not_allowed"}[status]


def test_nothing_secret_is_in_the_log(gateway: GatewayProcess) -> None:
    bearer = token()
    gateway.predict({**ROW, "email": "someone@example.com", "bid": "x"}, bearer)
    text = gateway.log_path.read_text()
    for secret in (bearer, "someone@example.com", "a-secret-of-the-tests", "a-key-of-the-tests"):
        assert secret not in text


@pytest.mark.parametrize("head", [b"X-A: " + b"a" * 1000 + b"\r\n", b"a" * 1000])
def test_an_endless_head_ends_with_its_connection(gateway: GatewayProcess, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(b"POST /v1/predict HTTP/1.1\r\nX-B: ")
        sent_bytes = 0
        with pytest.raises(OSError, match=r"reset|pipe"):
            while sent_bytes < 50_000_000:
                connection.sendall(head)
                sent_bytes += len(head)
    assert gateway.predict(ROW)[0] == 200
