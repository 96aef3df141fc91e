"""Makes the grpc.aio server: channel arguments, TCP port, UNIX socket, TLS.

Source: tensorflow_serving/model_servers/server.cc, Server::BuildAndStart and BuildServerCredentials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.server.config_files import TlsConfig
from serving.server.listener import PortError, authority, port_error

_MAX_METADATA_BYTES = 16 * 1024


def make_grpc_server(
    handlers: Sequence[Any], max_body_bytes: int, max_requests: int, channel_arguments: Sequence[tuple[str, int | str]]
) -> Any:
    """A server of `handlers` without port; to be called on the event loop's thread."""
    import grpc.aio

    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", max_body_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),  # otherwise a second server would silently share the port
            ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
            *channel_arguments,
        ],
        # Handlers refuse what is beyond `max_requests` themselves, in words; this bounds what waits for them to.
        maximum_concurrent_rpcs=4 * max_requests + 256,
    )
    server.add_generic_rpc_handlers(tuple(handlers))
    return server


def add_port(server: Any, address: str, port: int, tls: TlsConfig | None) -> None:
    """Binds a TCP port.

    Raises:
        PortError: where it cannot be had.
    """
    target = authority(address, port)
    try:
        bound = _add(server, target, tls)
    except RuntimeError as error:
        raise port_error("gRPC", "--port", address, port, error) from error
    if not bound:
        raise port_error("gRPC", "--port", address, port, "not bound")


def add_socket(server: Any, path: str, tls: TlsConfig | None) -> None:
    """Binds a UNIX socket.

    Raises:
        PortError: where it cannot be had.
    """
    try:
        bound = _add(server, f"unix:{path}", tls)
    except RuntimeError as error:
        bound, why = 0, f": {error}"
    else:
        why = ""
    if not bound:
        raise PortError(f"cannot listen on the UNIX socket {path}{why}; give another path with --grpc_socket_path")


def _add(server: Any, target: str, tls: TlsConfig | None) -> int:
    if tls is None:
        return int(server.add_insecure_port(target))
    import grpc

    credentials = grpc.ssl_server_credentials(
        [(tls.server_key, tls.server_cert)], tls.custom_ca, require_client_auth=tls.client_verify
    )
    return int(server.add_secure_port(target, credentials))
