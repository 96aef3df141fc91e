"""Images by URL from a real server on loopback, which the rules allow by its network."""

from __future__ import annotations

import asyncio
import datetime
import http.server
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp.abc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from PIL import Image

from configs.gateway import ImageUrls
from configs.settings import Creatives
from serving.gateway.codes import Refusal
from serving.gateway.image_fetch import ImageFetcher
from serving.gateway.image_urls import UrlRules

LIMITS = Creatives(max_file_bytes=5000, max_image_pixels=10_000)


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    return stream.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        port = self.server.server_address[1]
        locations = {
            "/to-image": "/image.png",
            "/to-metadata": "http://169.254.169.254/latest/meta-data",
            "/to-file": "file:///images/x.png",
            "/to-other-host": f"http://127.0.0.2:{port}/image.png",
            "/round": "/round",
        }
        if self.path in locations:
            self.send_response(302)
            self.send_header("Location", locations[self.path])
            self.end_headers()
        elif self.path == "/slow":
            time.sleep(1.0)
        elif self.path == "/endless":  # no Content-Length
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"\x89PNG" * 2000)
        elif self.path == "/page":
            self._send(b"<html>")
        elif self.path == "/image.png":
            self._send(png())
        else:
            self.send_error(404)

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def fetched(url: str, settings: ImageUrls, folder: Path = Path(), resolver: Any = None) -> bytes:
    async def main() -> bytes:
        fetcher = ImageFetcher(settings, LIMITS, folder, resolver)
        try:
            return await fetcher.fetch("image_url", url, 5.0)
        finally:
            await fetcher.close()

    return asyncio.run(main())


def refused(url: str, settings: ImageUrls, **more: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        fetched(url, settings, **more)
    return refusal.value.code


def allowing(port: int, **more: Any) -> ImageUrls:
    base = {"hosts": [f"127.0.0.1:{port}"], "schemes": ["http"], "private_networks": ["127.0.0.1/32"]}
    return ImageUrls.model_validate({**base, **more})


@pytest.mark.parametrize("path", ["/image.png", "/to-image"])
def test_an_image_is_fetched_also_by_an_allowed_redirect(port: int, path: str) -> None:
    assert fetched(f"http://127.0.0.1:{port}{path}", allowing(port)) == png()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/to-metadata", "image_url_refused"),
        ("/to-file", "image_url_refused"),
        ("/to-other-host", "image_url_refused"),
        ("/round", "image_fetch_failed"),
        ("/slow", "image_fetch_failed"),
        ("/none", "image_fetch_failed"),
        ("/endless", "image_too_large"),
        ("/page", "image_unreadable"),
    ],
)
def test_what_is_no_image_in_time_and_size_from_an_allowed_host_is_refused(port: int, path: str, code: str) -> None:
    assert refused(f"http://127.0.0.1:{port}{path}", allowing(port, timeout_s=0.4)) == code


def test_a_redirect_to_an_address_that_is_not_public_is_refused_even_if_its_host_is_listed(port: int) -> None:
    settings = allowing(port, hosts=[f"127.0.0.1:{port}", "169.254.169.254"])
    assert refused(f"http://127.0.0.1:{port}/to-metadata", settings) == "image_address_refused"


class Rebinding(aiohttp.abc.AbstractResolver):
    """A public address beside a private one, as a hostile name server may answer."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[aiohttp.abc.ResolveResult]:
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("10.0.0.1",), ("93.184.215.14", "192.168.0.1")])
def test_a_name_that_leads_to_a_private_address_is_refused(addresses: tuple[str, ...]) -> None:
    settings = ImageUrls(hosts=("cdn.example.com",))
    assert refused("https://cdn.example.com/x", settings, resolver=Rebinding(*addresses)) == "image_address_refused"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
     "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1%eth0", "fec0::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(Refusal, match="not public"):
        UrlRules(ImageUrls()).check_addresses([address])


def test_public_addresses_and_allowed_networks_pass() -> None:
    UrlRules(ImageUrls()).check_addresses(["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
    UrlRules(ImageUrls(private_networks=("10.1.0.0/16",))).check_addresses(["10.1.2.3"])


def test_the_hosts_certificate_counts(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cdn.example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("cdn.example.com")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "ca.pem").write_bytes(pem)
    (tmp_path / "server.pem").write_bytes(pem + private)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    try:
        resolver = Rebinding("127.0.0.1")
        base = {"hosts": [f"cdn.example.com:{port}", f"other.example.com:{port}"], "private_networks": ["127.0.0.1/32"]}
        trusting = ImageUrls.model_validate({**base, "ca_file": "ca.pem"})
        url = f"https://cdn.example.com:{port}/image.png"
        assert fetched(url, trusting, tmp_path, resolver) == png()
        assert refused(url, ImageUrls.model_validate(base), resolver=resolver) == "image_fetch_failed"
        other = url.replace("cdn.", "other.")
        assert refused(other, trusting, folder=tmp_path, resolver=resolver) == "image_fetch_failed"
    finally:
        server.shutdown()
        server.server_close()
