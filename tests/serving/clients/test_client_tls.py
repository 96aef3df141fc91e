"""TLS, mTLS and socket files, with certificates made here."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scripted_servers import ROW, TABLE, answer, grpc_server, http_server

from serving.client import GrpcClient, RestClient, ServerUnreachableError, TlsOptions


@dataclass(frozen=True)
class Certificates:
    """Files of an authority, and of a server `ads.test` and a client that it vouches for."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def pair(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    for name, key in (("ca", ca_key), ("server", ec.generate_private_key(ec.SECP256R1())),
                      ("client", ec.generate_private_key(ec.SECP256R1()))):  # fmt: skip
        now = datetime.datetime.now(datetime.timezone.utc)
        own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(ca_name if name == "ca" else own_name)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("ads.test")]), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return Certificates(folder)


def with_client_pair(certificates: Certificates) -> TlsOptions:
    certificate, key = certificates.pair("client")
    return TlsOptions(certificates.ca, certificate, key, server_name="ads.test")


def test_grpc_over_mutual_tls(certificates: Certificates) -> None:
    import grpc

    certificate, key = certificates.pair("server")
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())], certificates.ca.read_bytes(), require_client_auth=True
    )
    stranger = TlsOptions(certificates.ca, server_name="ads.test")
    with grpc_server([0.5], credentials=credentials) as served:
        with GrpcClient(served.address, "m", features=TABLE, tls=with_client_pair(certificates)) as client:
            assert client.predict([ROW])[0].click_probability == 0.5
        for tls in (stranger, None):
            with (
                GrpcClient(served.address, "m", features=TABLE, tls=tls, retries=0) as client,
                pytest.raises(ServerUnreachableError),
            ):
                client.predict([ROW], timeout_s=3)
    assert len(served.asked) == 1


def test_rest_over_mutual_tls_below_a_proxys_path(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.pair("server"))
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with http_server([answer(0.5)], context) as served:
        url = f"https://{served.address}/ads"
        with RestClient(url, "m", features=TABLE, tls=with_client_pair(certificates)) as client:
            assert [client.predict([ROW])[0].click_probability for _ in range(3)] == [0.5] * 3
        assert served.connections == 1
        with (
            RestClient(url, "m", features=TABLE, retries=0) as client,
            pytest.raises(ServerUnreachableError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.predict([ROW])
    assert len(served.asked) == 3
    with pytest.raises(ValueError, match="called with http:// but has TLS files; give https://"):
        RestClient("http://a:1", tls=with_client_pair(certificates))
    with pytest.raises(ValueError, match="the TLS files cannot be used"):
        RestClient(url, tls=TlsOptions(ca_file=certificates.pair("server")[1]))


def test_grpc_over_a_socket_file(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with grpc_server([0.5], address), GrpcClient(address, "m", features=TABLE) as client:
        assert client.predict([ROW])[0].click_probability == 0.5
    with pytest.raises(ValueError, match="is a socket file, which only gRPC takes"):
        RestClient(address)
