"""Opens a gRPC channel: plain or TLS, TCP or socket file, with limits that fit our own retries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.clients.server_address import ServerAddress, TlsOptions

_RECONNECT_FIRST_MS, _RECONNECT_MAX_MS = 100, 2000


def open_channel(address: ServerAddress, tls: TlsOptions | None, connect_timeout_s: float) -> Any:
    """A grpc.Channel that connects with the first call."""
    import grpc

    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),  # serving/clients/retries.py does that, alike for both protocols
        ("grpc.min_reconnect_backoff_ms", max(1, int(connect_timeout_s * 1000))),  # how long one attempt may take
        # Until the next attempt every call fails at once; gRPC's own second would make our retries useless.
        ("grpc.initial_reconnect_backoff_ms", _RECONNECT_FIRST_MS),
        ("grpc.max_reconnect_backoff_ms", _RECONNECT_MAX_MS),
        ("grpc.use_local_subchannel_pool", 1),  # another client's failed attempts are not ours
    ]
    if tls is None:
        return grpc.insecure_channel(address.shown, options)
    if tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(_read(tls.ca_file), _read(tls.key_file), _read(tls.certificate_file))
    return grpc.secure_channel(address.shown, credentials, options)


def _read(file: str | Path | None) -> bytes | None:
    return None if file is None else Path(file).read_bytes()
