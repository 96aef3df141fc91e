"""Sockets to listen on."""

from __future__ import annotations

import socket


class PortError(Exception):
    """An address that cannot be listened on; exit status 2."""


def bind_listener(address: str, port: int) -> socket.socket:
    """A bound TCP socket that does not listen yet.

    Raises:
        OSError: where the address is not this machine's or the port is taken.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait out TIME_WAIT
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    return listener


def authority(address: str, port: int) -> str:
    """host:port, with IPv6 addresses in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def port_error(protocol: str, flag: str, address: str, port: int, why: object) -> PortError:
    """The error for a port that cannot be had, with the mend."""
    return PortError(
        f"cannot listen on {authority(address, port)} for {protocol}: {why}; "
        f"stop what uses the port, or give another one with {flag} (or, with --bind, another address)"
    )
