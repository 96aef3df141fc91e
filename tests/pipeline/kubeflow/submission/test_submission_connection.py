"""Every way in which the API can be away, busy or unwilling, and what the person who asked is told."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kfp_api_server import Fault, KfpApiServer
from small_pipeline import TOKEN

from adclick.errors import SettingsError
from configs.loading import load_settings
from configs.settings import Settings
from pipeline.kubeflow.submission.connection import connect
from pipeline.kubeflow.submission.failures import ApiError, RefusedError

WithSettings = Callable[..., Settings]
HEALTH = "/apis/v2beta1/healthz"


def test_a_server_that_answers_is_asked_once(api: KfpApiServer, settings_with: WithSettings) -> None:
    connection = connect(settings_with().submission)
    assert connection.host == api.host
    assert [(one.method, one.path) for one in api.requests] == [("GET", HEALTH)]
    assert connection.link("runs/details/x") == f"{api.host}/#/runs/details/x"


def test_no_listener_is_found_out_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ApiError) as raised:
        connect(load_settings(None, [f"submission.host=http://127.0.0.1:{port}"]).submission)
    assert str(raised.value) == (
        f"http://127.0.0.1:{port}: is it there: nobody answers there ([Errno 111] Connection refused); check "
        "submission.host, and that the port is forwarded if it is a local one: "
        "kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80"
    )
    assert raised.value.exit_status == 1


def test_nowhere_to_go_is_a_fault_of_the_settings() -> None:
    with pytest.raises(SettingsError, match=r"submission\.host is missing, this is no pod of a cluster"):
        connect(load_settings().submission)


def test_without_an_address_kubectls_own_cluster_is_asked(tls_api: KfpApiServer, certificate: Path) -> None:
    """Through the Kubernetes API, with its certificate authority and the token that kubectl would send."""
    tls_api.token = TOKEN
    kubeconfig = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": tls_api.host, "certificate-authority": str(certificate)}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
    }
    Path("~/kubeconfig").expanduser().write_text(yaml.safe_dump(kubeconfig))
    connection = connect(load_settings().submission)
    assert connection.host.startswith(f"{tls_api.host}/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy")
    assert connection.link("runs/details/x") == ""  # the pages are behind another service
    connection.ask("list", connection.client.list_experiments)
    assert [one.headers["authorization"] for one in tls_api.requests] == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("status", [503, 502, 504, 429])
def test_a_busy_server_is_asked_again(api: KfpApiServer, settings_with: WithSettings, status: int) -> None:
    """Two answers of no use, then one of use: three requests."""
    api.faults = [Fault("GET", HEALTH, status=status, times=2)]
    connect(settings_with().submission)
    assert len(api.asked("GET", HEALTH)) == 3


def test_patience_ends(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.faults = [Fault("GET", HEALTH, status=503, words="no healthy upstream", times=9)]
    with pytest.raises(ApiError) as raised:
        connect(settings_with("submission.max_attempts=3").submission)
    assert str(raised.value) == (
        f"{api.host}: is it there: the server is busy or away (HTTP 503): no healthy upstream; try again later, or "
        "raise submission.max_attempts"
    )
    assert len(api.requests) == 3


def test_a_broken_connection_is_made_again_for_what_changes_nothing(
    api: KfpApiServer, settings_with: WithSettings
) -> None:
    connection = connect(settings_with().submission)
    api.faults = [Fault("GET", "/experiments", status=0)]
    connection.ask("list", connection.client.list_experiments)
    assert len(api.asked("GET", "/apis/v2beta1/experiments")) == 2


def test_an_answer_that_does_not_come_is_given_up(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.faults = [Fault("GET", HEALTH, delay_s=1.0)]
    with pytest.raises(ApiError, match=r"no answer within 0\.2 s; try again, or raise submission.request_timeout_s"):
        connect(settings_with("submission.request_timeout_s=0.2").submission)


def test_without_a_token_the_place_for_one_is_named(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.token = TOKEN
    with pytest.raises(RefusedError) as raised:
        connect(settings_with().submission)
    assert "not signed in (HTTP 401: Request header error: there is no user identity in '')" in str(raised.value)
    assert "put a bearer token into ADCLICK_KFP_TOKEN" in str(raised.value)
    assert raised.value.exit_status == 2
    assert len(api.requests) == 1


def test_a_token_that_is_not_taken_is_named_by_its_place(
    api: KfpApiServer, settings_with: WithSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server repeats what it was sent; the message does not."""
    api.token = "another"
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    with pytest.raises(RefusedError) as raised:
        connect(settings_with("submission.token_variable=MY_TOKEN").submission)
    assert "'Bearer ***'" in str(raised.value)
    assert "the token of environment variable MY_TOKEN is not taken" in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_a_token_file_is_read_for_each_request(api: KfpApiServer, settings_with: WithSettings, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    api.token = TOKEN
    connection = connect(settings_with(f"submission.token_file={file}").submission)
    api.token = "renewed"
    file.write_text("renewed\n")
    connection.ask("list", connection.client.list_experiments)
    assert [one.headers["authorization"] for one in api.requests] == [f"Bearer {TOKEN}", "Bearer renewed"]


def test_the_usual_variable_counts_without_being_named(
    api: KfpApiServer, settings_with: WithSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.token = TOKEN
    monkeypatch.setenv("ADCLICK_KFP_TOKEN", TOKEN)
    connect(settings_with().submission)


@pytest.mark.parametrize(
    ("word", "content", "message"),
    [
        ("submission.token_variable=NONE_SUCH", None, "environment variable NONE_SUCH is empty or not set"),
        ("submission.token_file={file}", None, "cannot be read (No such file or directory)"),
        ("submission.token_file={file}", b" \n", "is empty or not set; put the bearer token there"),
        ("submission.token_file={file}", b"two words", "a bearer token is one word"),
        ("submission.token_file={file}", b"h\xc3\xa9", "holds no token"),
    ],
)
def test_a_token_that_is_named_and_missing_is_a_fault_of_the_settings(
    tmp_path: Path, settings_with: WithSettings, word: str, content: bytes | None, message: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        connect(settings_with(word.format(file=file)).submission)
    assert message in str(raised.value)


def test_a_page_to_sign_in_is_no_api(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.faults = [Fault("GET", HEALTH, status=200, words="Log in", html=True)]
    with pytest.raises(RefusedError, match="the answer is text/html and not JSON, as of a page to sign in"):
        connect(settings_with().submission)


def test_a_redirection_to_sign_in_is_not_followed(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.faults = [Fault("GET", HEALTH, status=302, location="https://sso.example.com/auth")]
    with pytest.raises(RefusedError, match=r"not signed in \(sends to https://sso.example.com/auth\)"):
        connect(settings_with().submission)
    assert len(api.requests) == 1


def test_another_server_is_told_by_404(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.faults = [Fault("GET", HEALTH, status=404, words="nothing here", html=True)]
    with pytest.raises(RefusedError) as raised:
        connect(settings_with().submission)
    assert "not found (HTTP 404); check the ID, and that submission.host is the address" in str(raised.value)


def test_rights_are_asked_for_in_the_namespace(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.multi_user = True
    connection = connect(settings_with("submission.namespace=forbidden").submission)
    with pytest.raises(RefusedError, match=r"not allowed \(HTTP 403\): User 'a@example.com' is not authorized"):
        connection.ask("list", connection.client.list_experiments, namespace=connection.namespace)


def test_where_several_users_share_a_namespace_is_needed(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.multi_user = True
    with pytest.raises(SettingsError, match=r"submission\.namespace is missing: several users share"):
        connect(settings_with().submission)
    assert not Path("~/.config/kfp/context.json").expanduser().exists()


def test_the_servers_own_failure_is_not_repeated(api: KfpApiServer, settings_with: WithSettings) -> None:
    api.faults = [Fault("GET", HEALTH, status=500, words="database is locked", times=9)]
    with pytest.raises(ApiError, match=r"the server failed \(HTTP 500\): database is locked; its log says why"):
        connect(settings_with().submission)
    assert len(api.requests) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, for 127.0.0.1; the file holds the key too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubeflow")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(signed.public_bytes(encoding) + private)
    return file


@pytest.fixture
def tls_api(certificate: Path) -> Iterator[KfpApiServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = KfpApiServer(tls=context)
    server.start()
    yield server
    server.stop()


def test_a_certificate_nobody_vouches_for_is_refused_and_the_mend_is_named(tls_api: KfpApiServer) -> None:
    with pytest.raises(ApiError) as raised:
        connect(load_settings(None, [f"submission.host={tls_api.host}"]).submission)
    assert "no trusted connection" in str(raised.value)
    assert "name the file of its certificate authority with submission.ca_file" in str(raised.value)


def test_a_certificate_authority_of_ones_own_is_trusted(tls_api: KfpApiServer, certificate: Path) -> None:
    words = [f"submission.host={tls_api.host}", f"submission.ca_file={certificate}"]
    connect(load_settings(None, words).submission)
    with pytest.raises(SettingsError, match=r"submission\.ca_file: /none\.pem: no such file"):
        connect(load_settings(None, [words[0], "submission.ca_file=/none.pem"]).submission)


def test_https_to_a_server_without_tls_is_told(api: KfpApiServer) -> None:
    host = api.host.replace("http://", "https://")
    with pytest.raises(ApiError, match=r"does it speak TLS\? Write http:// in submission\.host"):
        connect(load_settings(None, [f"submission.host={host}"]).submission)
