"""Where a server listens, as people write it, and how it is met over TLS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ServerAddress:
    """`host:port`, `http[s]://host[:port][/prefix]`, or `unix:/path` of a socket.

    Attributes:
        host, port: "" and 0 for a socket file.
        prefix: path that a proxy puts before the server's own, without a slash at its end.
        socket_path: the socket file, or "".
        tls: whether the address itself asks for TLS; None where it says nothing.
    """

    host: str
    port: int
    prefix: str = ""
    socket_path: str = ""
    tls: bool | None = None

    @property
    def shown(self) -> str:
        """host:port, in brackets where the host is an IPv6 address."""
        if self.socket_path:
            return f"unix:{self.socket_path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(server: str, example_port: int) -> ServerAddress:
    """Raises ValueError, with an example, for an address that names no place."""
    if server.startswith("unix:"):
        path = server.removeprefix("unix:")
        path = "/" + path.lstrip("/") if path.startswith("/") else path
        if not path:
            raise ValueError(f"server {server!r} names no socket file; give one such as unix:/run/adclick.sock")
        return ServerAddress("", 0, socket_path=path)
    scheme, separator, _ = server.partition("://")
    told = "…@" + server.rpartition("@")[2] if "@" in server else server  # before it may be a password
    wrong = ValueError(f"server {told!r} is not host:port; give one such as 127.0.0.1:{example_port}")
    if separator and scheme not in ("http", "https"):
        raise wrong
    try:
        parts = urlsplit(server if separator else f"//{server}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if port is None and separator:
        port = 443 if scheme == "https" else 80
    if not host or not port or parts.query or parts.fragment or parts.username is not None:
        raise wrong
    return ServerAddress(host, port, parts.path.rstrip("/"), tls=scheme == "https" if separator else None)


@dataclass(frozen=True)
class TlsOptions:
    """Files in PEM format, read when the client is made.

    Attributes:
        ca_file: certificates that the server's must descend from; the system's where None.
        certificate_file, key_file: the client's own, for a server that asks for one (mTLS).
        server_name: the name in the server's certificate, where it is not the host that is called.
    """

    ca_file: str | Path | None = None
    certificate_file: str | Path | None = None
    key_file: str | Path | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for half a pair, or a file that is not there."""
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together; give both or neither")
        for name in ("ca_file", "certificate_file", "key_file"):
            file = getattr(self, name)
            if file is not None and not Path(file).is_file():
                raise ValueError(f"{name} {str(file)!r} is no file; give one in PEM format")
