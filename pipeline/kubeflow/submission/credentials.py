"""The bearer token: named in the settings, read when it is needed, and never shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from adclick.errors import SettingsError
from configs.submission import TOKEN_VARIABLE, Submission


class TokenSource(NamedTuple):
    """Where the token comes from."""

    place: str
    """For messages."""
    read: Callable[[], str]
    """The token as it is now. Raises SettingsError."""

    def conceal(self, text: str) -> str:
        """The text without the token, should a server have repeated it."""
        try:
            token = self.read()
        except SettingsError:
            return text
        return text.replace(token, "***")


def token_source(submission: Submission) -> TokenSource | None:
    """None where no token is named and none is set. Raises SettingsError where the one that is named is missing."""
    if submission.token_file is not None:
        file = Path(submission.token_file)
        source = TokenSource(f"submission.token_file {file}", lambda: _from_file(file))
    else:
        variable = submission.token_variable or TOKEN_VARIABLE
        if submission.token_variable is None and not os.environ.get(variable):
            return None
        source = TokenSource(f"environment variable {variable}", lambda: _from_variable(variable))
    source.read()
    return source


def _from_variable(variable: str) -> str:
    return _checked(os.environ.get(variable, ""), f"submission.token_variable: environment variable {variable}")


def _from_file(file: Path) -> str:
    try:
        return _checked(file.read_text(encoding="ascii"), f"submission.token_file: {file}")
    except OSError as error:
        raise SettingsError(f"submission.token_file: {file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"submission.token_file: {file}: holds no token: a token is ASCII text") from None


def _checked(text: str, place: str) -> str:
    """What goes into a header must be one word, else a client's error would repeat it."""
    token = text.strip()
    if not token:
        raise SettingsError(f"{place} is empty or not set; put the bearer token there")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SettingsError(f"{place} holds no token: a bearer token is one word of ASCII characters")
    return token
