"""Errors of the clients.

ClientError                    anything that kept a prediction from coming back
├── RowError                   a value that cannot be sent; nothing was sent: mend the row
├── SignatureError             the served model is no click model of ours: serve another one
├── ServerUnreachableError     refused or lost, after the retries: trying again later may help
│   └── DeadlineError          no answer within the time that the caller gave
└── ServerRefusedError         the server's own answer, with its status; `retryable` says whether to try again
"""

from __future__ import annotations

from typing import TypeVar

_QUOTED_LENGTH = 80
_RETRYABLE = frozenset({"429", "503", "RESOURCE_EXHAUSTED", "UNAVAILABLE"})
_ABOUT_CONTENTS = frozenset({"400", "INVALID_ARGUMENT"})

T = TypeVar("T")


class ClientError(Exception):
    """Base of all errors of the clients.

    Attributes:
        retryable: whether the same call may succeed later.
        attempts: how often the server was asked; 0 where nothing was sent.
        retry_after_s: how long the server wants to be left alone, where it says so.
    """

    retryable = False
    attempts = 0
    retry_after_s: float | None = None


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
    """No answer: connection refused or lost."""

    retryable = True


class DeadlineError(ServerUnreachableError):
    """No answer within the time that the caller gave, retries included."""


class ServerRefusedError(ClientError):
    """An error that the server answered with.

    Attributes:
        status: HTTP status or gRPC status code, as text.
        message: the server's words.
        row: index in the call of the one row that the server refuses, where that is known.
        about_contents: whether fewer or other rows might pass.
    """

    def __init__(
        self, status: str, message: str, *, retry_after_s: float | None = None, row: int | None = None
    ) -> None:
        self.status, self.message, self.retry_after_s, self.row = status, message, retry_after_s, row
        # gRPC has one code for a busy server and for a message beyond its limit; only the words tell them apart.
        too_large = status == "413" or (status == "RESOURCE_EXHAUSTED" and "larger than" in message)
        self.retryable = status in _RETRYABLE and not too_large
        self.about_contents = status in _ABOUT_CONTENTS or too_large
        place = "" if row is None else f"row {row}: "
        super().__init__(place + self.said())

    def said(self) -> str:
        """The error without the row's number, for callers that know a better name for the row."""
        return f"the server answered {self.status}: {self.message}"


def at_row(outcome: T, row: int) -> T:
    """The same error with its row at another index, as a longer list counts it; anything else as it is."""
    if isinstance(outcome, RowError) and outcome.row != row:
        return RowError(row, outcome.field, outcome.value, outcome.fix)  # type: ignore[return-value]  # of the same type
    if isinstance(outcome, ServerRefusedError) and outcome.row not in (None, row):
        return refused_row(outcome, row)  # type: ignore[return-value]  # of the same type
    return outcome


def refused_row(error: ServerRefusedError, row: int) -> ServerRefusedError:
    """The same refusal, known to be about this row."""
    named = ServerRefusedError(error.status, error.message, retry_after_s=error.retry_after_s, row=row)
    named.attempts = error.attempts
    return named
