"""Files that tests write are taken for settled at once."""

from __future__ import annotations

import pytest

from components.creative_gen import image_folder


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The margin is a matter of the clock; test_image_folder.py looks at the margin itself."""
    monkeypatch.setattr(image_folder, "SETTLED_AFTER_S", -1.0)
