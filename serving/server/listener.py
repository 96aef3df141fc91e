"""Sockets to listen on."""

from __future__ import annotations

import socket


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
