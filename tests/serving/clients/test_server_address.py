from __future__ import annotations

from pathlib import Path

import pytest

from serving.clients.server_address import ServerAddress, TlsOptions, parse_address


@pytest.mark.parametrize(
    ("server", "address", "shown"),
    [
        ("localhost:8501", ServerAddress("localhost", 8501), "localhost:8501"),
        ("[::1]:8501", ServerAddress("::1", 8501), "[::1]:8501"),
        ("http://a.b:1/", ServerAddress("a.b", 1, tls=False), "a.b:1"),
        ("https://a.b", ServerAddress("a.b", 443, tls=True), "a.b:443"),
        ("https://a.b:9/ads/v2/", ServerAddress("a.b", 9, "/ads/v2", tls=True), "a.b:9"),
        ("unix:/run/a.sock", ServerAddress("", 0, socket_path="/run/a.sock"), "unix:/run/a.sock"),
        ("unix:///run/a.sock", ServerAddress("", 0, socket_path="/run/a.sock"), "unix:/run/a.sock"),
    ],
)
def test_addresses_are_read(server: str, address: ServerAddress, shown: str) -> None:
    assert parse_address(server, 8501) == address
    assert address.shown == shown


@pytest.mark.parametrize(
    "server", ["", "8501", "localhost", ":8501", "a:b", "a:99999", "a:0", "ftp://a:1", "http://u:p@a:1", "a:1?x=1"]
)
def test_what_names_no_place_is_refused_with_an_example(server: str) -> None:
    with pytest.raises(ValueError, match=r"is not host:port; give one such as 127\.0\.0\.1:8501"):
        parse_address(server, 8501)


def test_tls_files_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="certificate_file and key_file go together"):
        TlsOptions(certificate_file="a.pem")
    with pytest.raises(ValueError, match=r"ca_file '.*absent\.pem' is no file"):
        TlsOptions(ca_file=tmp_path / "absent.pem")


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ValueError, match=r"server '…@host:1' is not host:port") as refused:
        parse_address("https://user:secret@host:1", 8500)
    assert "secret" not in str(refused.value)
