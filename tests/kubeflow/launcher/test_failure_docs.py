"""Messages in docs/kubeflow-failures.md are those that the emulator and our entry point give."""

from __future__ import annotations

import re
from pathlib import Path

EMULATOR = Path(__file__).parent
ENTRY_POINT = EMULATOR.parents[2] / "pipeline" / "kubeflow"
PAGE = EMULATOR.parents[2] / "docs" / "kubeflow-failures.md"
# said by the kernel, Kubernetes or Python, not by the emulator's text
ELSEWHERE = {"Argument list too long", "OOMKilled", "ImportError", "system.Artifact", "_retrieve_class_path"}


def test_each_message_is_one_of_the_emulator_s() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    told = {message for row in rows for message in re.findall(r"`([^`]+)`", row)} - ELSEWHERE
    text = "".join(file.read_text("utf-8") for room in (EMULATOR, ENTRY_POINT) for file in room.glob("*.py"))
    # literals that are written over two lines or hold values
    said = re.sub(r'"\s*\n\s*f?"', "", text)
    assert len(told) >= 15
    assert {message for message in told if message not in said} == set()
