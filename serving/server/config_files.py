"""`--ssl_config_file` and `--monitoring_config_file`: text-format messages of TF Serving.

Source: tensorflow_serving/config/ssl_config.proto and monitoring_config.proto; model_servers/server.cc and
util/prometheus_exporter.cc for what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from serving.server.text_proto import ConfigFileError, read_text_proto

DEFAULT_PROMETHEUS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class TlsConfig:
    """PEM texts of the gRPC server; with `client_verify`, clients must show a certificate of `custom_ca` (mTLS)."""

    server_key: bytes = field(repr=False)
    server_cert: bytes
    custom_ca: bytes | None
    client_verify: bool


def read_tls_config(path: Path) -> TlsConfig:
    """The SSLConfig at `path`.

    Raises:
        ConfigFileError: naming file and field.
    """
    message = read_text_proto(path, "SSLConfig")
    for name in ("server_key", "server_cert"):
        if "-----BEGIN " not in getattr(message, name):
            raise ConfigFileError(f"{path}: {name} holds no PEM text; give the text itself, not a file's name")
    if message.client_verify and not message.custom_ca:
        raise ConfigFileError(f"{path}: client_verify needs custom_ca, the authority that signs clients' certificates")
    ca = message.custom_ca.encode() or None
    return TlsConfig(message.server_key.encode(), message.server_cert.encode(), ca, message.client_verify)


def read_prometheus_path(path: Path) -> str | None:
    """Where the MonitoringConfig at `path` wants the Prometheus page; None: nowhere.

    Raises:
        ConfigFileError: naming file and field.
    """
    config = read_text_proto(path, "MonitoringConfig").prometheus_config
    if not config.enable:
        return None
    page: str = config.path or DEFAULT_PROMETHEUS_PATH
    if not page.startswith("/"):
        raise ConfigFileError(f"{path}: prometheus_config.path is {page!r}; it must start with /")
    return page
