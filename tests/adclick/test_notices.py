"""Lines of a component under way."""

from __future__ import annotations

import pytest

from adclick.notices import heard_by, tell


def test_a_line_goes_to_the_log_and_to_whoever_listens(capsys: pytest.CaptureFixture[str]) -> None:
    outer: list[str] = []
    inner: list[str] = []
    tell("nobody")
    with heard_by(outer.append):
        tell("one")
        with heard_by(inner.append):
            tell("two")
        tell("three")
    tell("nobody again")
    assert (outer, inner) == (["one", "three"], ["two"])
    assert capsys.readouterr().out.splitlines() == ["nobody", "one", "two", "three", "nobody again"]


def test_listening_ends_with_an_error() -> None:
    heard: list[str] = []
    with pytest.raises(ValueError, match="stop"), heard_by(heard.append):
        raise ValueError("stop")
    tell("late")
    assert heard == []
