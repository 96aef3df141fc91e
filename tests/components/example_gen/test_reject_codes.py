"""Each code has one exact condition, and the docs say it in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.example_gen.reject_codes import CONDITIONS, RejectCode

DOCS = Path(__file__).parents[3] / "docs" / "data.md"


def test_every_code_has_a_condition() -> None:
    assert list(CONDITIONS) == list(RejectCode)
    assert len(set(CONDITIONS.values())) == len(RejectCode)


@pytest.mark.parametrize("code", RejectCode)
def test_the_docs_list_the_condition(code: RejectCode) -> None:
    assert f"| `{code.value}` | {CONDITIONS[code]} |" in DOCS.read_text(encoding="utf-8").splitlines()
