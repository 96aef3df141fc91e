"""Values of command-line flags, for argparse: each takes the text and raises ArgumentTypeError with the mend."""

from __future__ import annotations

import argparse

_MAX_PORT = 65535
_TRUE, _FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")


def boolean(text: str) -> bool:
    """`true`, `false` and their short forms, in any case."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def port(text: str) -> int:
    """A TCP port, or 0."""
    number = _integer(text)
    if not 0 <= number <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{number} is no port; give 1 to {_MAX_PORT}, or 0 for off")
    return number


def positive(text: str) -> int:
    """A whole number above 0."""
    number = _integer(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def not_negative(text: str) -> int:
    """A whole number, 0 or more."""
    number = _integer(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative; give 0 or more")
    return number


def seconds(text: str) -> float:
    """A time, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds; give 0 or more")
    return number


def channel_arguments(text: str) -> list[tuple[str, int | str]]:
    """`key=value,key=value`; values that are whole numbers become such.

    Source: tensorflow_serving/model_servers/server.cc, parseGrpcChannelArgs.
    """
    arguments: list[tuple[str, int | str]] = []
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise argparse.ArgumentTypeError(f"{part!r} is not key=value")
        arguments.append((key, int(value) if value.lstrip("-").isdigit() else value))
    return arguments


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from error
