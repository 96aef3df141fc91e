"""docs/model-server.md names the flags that tensorflow_model_server has and this server does not heed or refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving.server.server_flags import REFUSED, WITHOUT_EFFECT

TEXT = (Path(__file__).parents[2] / "docs" / "model-server.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("opening", "flags"),
    [("Accepted without effect", set(WITHOUT_EFFECT)), ("Refused, since they would change", set(REFUSED))],
)
def test_flags_that_do_not_work_here_are_listed(opening: str, flags: set[str]) -> None:
    paragraph = next(part for part in TEXT.split("\n\n") if part.startswith(opening))
    assert set(re.findall(r"`--(\w+)`", paragraph)) == flags
