"""HTTP/1.1 connections with a deadline for the whole exchange, kept open and shared by threads."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from serving.clients.server_address import ServerAddress, TlsOptions

_SENT_AT_ONCE = 256 * 1024


class ConnectError(OSError):
    """No connection: nothing was sent. `late`: because the time was over."""

    def __init__(self, why: str, late: bool) -> None:
        super().__init__(why)
        self.late = late


@dataclass(frozen=True)
class HttpReply:
    """Status, headers and body of a reply that is read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until the connection's deadline: a trickle of bytes gains a server no time."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.socket_in_time().recv_into(buffer)


class _DeadlineSocket:
    """What http.client wants of a socket."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._unsent: list[bytes] = []

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineReader(self._connection))

    def sendall(self, data: bytes) -> None:
        """Keeps the data for flush(): http.client gives head and body apart, which would cost a packet more."""
        self._unsent.append(data)

    def flush(self) -> None:
        view = memoryview(b"".join(self._unsent))
        self._unsent.clear()
        for start in range(0, len(view), _SENT_AT_ONCE):
            self._connection.socket_in_time().sendall(view[start : start + _SENT_AT_ONCE])

    def close(self) -> None:
        """http.client closes before it has read the body of a last reply; shut() really closes."""


class _Connection(http.client.HTTPConnection):
    """One connection; `deadline` (time.monotonic, seconds) is set before each exchange."""

    def __init__(self, host: str, port: int, raw: socket.socket, deadline: float) -> None:
        super().__init__(host, port)
        self.raw, self.deadline = raw, deadline
        self.sock: Any = _DeadlineSocket(self)  # http.client connects only where it has no socket
        self.auto_open = 0
        self.answering = False

    def socket_in_time(self) -> socket.socket:
        remaining_s = self.deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("deadline exceeded")
        self.raw.settimeout(remaining_s)
        return self.raw

    def exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> HttpReply:
        self.answering = False
        self.request(method, path, body, headers)
        # A server may refuse a large body before it has read it, and hang up; if it did not answer, reading says so.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.flush()
        response = self.getresponse()
        self.answering = True
        return HttpReply(response.status, response.headers, response.read())

    def closed_by_peer(self) -> bool:
        """An idle connection that has something to read has its end to read, or what nobody asked for."""
        poll = select.poll()  # unlike select() it takes any descriptor
        poll.register(self.raw, select.POLLIN)
        return bool(poll.poll(0))

    def shut(self) -> None:
        self.close()
        self.raw.close()


class RestConnections:
    """Connections to one server: as many as there are threads asking at once, idle ones used again, newest first."""

    def __init__(self, address: ServerAddress, tls: TlsOptions | None, connect_timeout_s: float) -> None:
        """Raises ValueError where files of `tls` cannot be used."""
        self._address, self._connect_timeout_s = address, connect_timeout_s
        self._server_name = (tls.server_name if tls else None) or address.host
        self._context = _tls_context(tls or TlsOptions()) if tls or address.tls else None
        self._idle: deque[_Connection] = deque()
        self._process = os.getpid()
        self._closed = threading.Event()

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], deadline: float
    ) -> HttpReply:
        """The reply to one request.

        A server may close an idle connection just as a request arrives on it, unanswered: that request goes out once
        more on a new connection (RFC 9112, section 9.3.1).

        Raises:
            ConnectError: nothing was sent.
            TimeoutError: the deadline is over.
            OSError, http.client.HTTPException: the connection was lost, or the reply is no HTTP.
        """
        connection = self._reused(deadline)
        if connection is not None:
            try:
                return self._on(connection, method, path, body, headers)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                if connection.answering:
                    raise
        return self._on(self._connected(deadline), method, path, body, headers)

    def _on(
        self, connection: _Connection, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> HttpReply:
        try:
            reply = connection.exchange(method, path, body, headers)
        except BaseException:
            connection.shut()
            raise
        if connection.sock is None or self._closed.is_set():  # http.client has closed it, as the server asked
            connection.shut()
        else:
            self._idle.append(connection)
        return reply

    def _leave_to_parent(self) -> None:
        """A forked process has the parent's connections too: on one of them each would read the other's replies."""
        if self._process != os.getpid():
            self._process, inherited, self._idle = os.getpid(), self._idle, deque()
            for connection in inherited:
                connection.shut()  # closes this process' descriptor alone

    def _reused(self, deadline: float) -> _Connection | None:
        self._leave_to_parent()
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if not connection.closed_by_peer():
                    connection.deadline = deadline
                    return connection
                connection.shut()
        return None

    def _connected(self, deadline: float) -> _Connection:
        last = min(deadline, time.monotonic() + self._connect_timeout_s)
        try:
            raw = _tcp_connection(self._address.host, self._address.port, last)
            if self._context is not None:
                raw = self._in_tls(raw, max(0.001, last - time.monotonic()))
        except TimeoutError as error:
            if last == deadline:
                raise ConnectError("", late=True) from error
            raise ConnectError(f"no connection within {self._connect_timeout_s:g} s", late=False) from error
        except OSError as error:
            raise ConnectError(str(error), late=False) from error
        return _Connection(self._address.host, self._address.port, raw, deadline)

    def _in_tls(self, raw: socket.socket, timeout_s: float) -> socket.socket:
        assert self._context is not None
        raw.settimeout(timeout_s)
        try:
            return self._context.wrap_socket(raw, server_hostname=self._server_name)
        except OSError:
            raw.close()
            raise

    def close(self) -> None:
        """Closes idle connections now, and those in use when their reply is there."""
        self._closed.set()
        self._leave_to_parent()
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().shut()


def _tcp_connection(host: str, port: int, deadline: float) -> socket.socket:
    """Tries the host's addresses one after the other, all within the deadline."""
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("deadline exceeded")
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(remaining_s)
            raw.connect(address)
        except OSError as error:
            raw.close()
            failure = error
            continue
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return raw
    raise failure


def _tls_context(tls: TlsOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except ssl.SSLError as error:
        raise ValueError(f"the TLS files cannot be used: {error}; give them in PEM format") from error
    return context
