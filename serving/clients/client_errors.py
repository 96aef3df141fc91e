"""Errors of the clients.

ClientError                    anything that kept a prediction from coming back
├── RowError                   a value that cannot be sent; nothing was sent: mend the row
├── SignatureError             the served model is no click model of ours: serve another one
├── ServerUnreachableError     refused, lost or timed out: retrying may help
└── ServerRefusedError         the server's own answer, with its status; `retryable` says whether to try again
"""

from __future__ import annotations

_QUOTED_LENGTH = 80
_RETRYABLE = frozenset({"429", "503", "RESOURCE_EXHAUSTED", "UNAVAILABLE"})


class ClientError(Exception):
    """Base of all errors of the clients."""

    retryable = False


class RowError(ClientError):
    """A value that the model's input cannot take.

    Attributes:
        row: index of the row in the call, from 0.
        field: name of the input, or "" where the row as a whole is meant.
        value: the value as it was given.
        fix: what is wrong and what to give instead.
    """

    def __init__(self, row: int, field: str, value: object, fix: str) -> None:
        self.row, self.field, self.value, self.fix = row, field, value, fix
        super().__init__(f"row {row}, {self.described()}")

    def described(self) -> str:
        """The error without the row's number, for callers that know a better name for the row."""
        quoted = repr(self.value)
        if len(quoted) > _QUOTED_LENGTH:
            quoted = quoted[:_QUOTED_LENGTH] + "…"
        return f"field {self.field!r}, value {quoted}: {self.fix}" if self.field else self.fix


class SignatureError(ClientError):
    """The model has no signature that takes features by name and gives `click_probability`."""


class ServerUnreachableError(ClientError):
    """No answer: connection refused, lost, or nothing within the timeout."""

    retryable = True


class ServerRefusedError(ClientError):
    """An error that the server answered with.

    Attributes:
        status: HTTP status or gRPC status code, as text.
        message: the server's words.
    """

    def __init__(self, status: str, message: str) -> None:
        self.status, self.message = status, message
        self.retryable = status in _RETRYABLE
        super().__init__(f"the server answered {status}: {message}")
