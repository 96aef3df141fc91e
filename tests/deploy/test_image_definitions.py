"""The Dockerfiles: pinned bases, hashed locks, no root, health, and sources that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dockerfiles import IMAGES, ROOT, Stage, chain, context_files, copied, ignored, read_dockerfile

PINNED = re.compile(r"[\w./-]+(:[\w.-]*\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})")
FILES = context_files()
TARGETS = [
    pytest.param(path, stage.name, id=f"{path.stem}-{stage.name}")
    for path in IMAGES
    for stage in read_dockerfile(path)
    if stage.all("CMD")
]


def shell(stages: list[Stage]) -> str:
    return "\n".join(each.text for stage in stages for each in stage.all("RUN"))


def test_there_are_three_images() -> None:
    assert [each.id for each in TARGETS] == ["gateway-replica", "gateway-gateway", "steps-final"]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_bases_are_pinned_and_sources_are_in_the_context(path: Path) -> None:
    stages = read_dockerfile(path)
    names = {stage.name for stage in stages}
    assert [stage.base for stage in stages if stage.base not in names and not PINNED.fullmatch(stage.base)] == []
    sources = {source: names for stage in stages for source, names in copied(stage, FILES).items()}
    assert [source for source, names in sources.items() if not names] == []
    for instruction in (each for stage in stages for each in stage.all("COPY") if "--from=" in each.text):
        assert re.search(r"--from=([\w-]+)", instruction.text)[1] in names  # type: ignore[index]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_the_build_sees_all_own_packages_and_what_setup_reads(path: Path) -> None:
    stage = next(stage for stage in read_dockerfile(path) if stage.name == "build")
    seen = {name for names in copied(stage, FILES).values() for name in names}
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    packages = re.findall(r'^    "(\w+)",$', setup, re.MULTILINE)
    own = [name for name in FILES if name.split("/")[0] in packages]
    assert len(own) > 300
    assert set(own) - seen == set()
    modules = re.search(r"py_modules=\[([^\]]+)\]", setup)
    assert modules
    wanted = {f"{name}.py" for name in re.findall(r'"(\w+)"', modules[1])}
    assert wanted | {"requirements/runtime.in", "pyproject.toml", "setup.py"} <= seen


@pytest.mark.parametrize(("path", "target"), TARGETS)
def test_packages_come_from_hashed_locks_only(path: Path, target: str) -> None:
    stages = read_dockerfile(path)
    built = {match for stage in chain(stages, target) for match in re.findall(r"--from=([\w-]+)", str(stage))}
    commands = shell([stage for name in built for stage in chain(stages, name)])
    for command in re.findall(r"\bpip (?:install|sync)\b[^&]*", commands):
        assert "--require-hashes" in command or "--no-index" in command, command
    for lock in re.findall(r"requirements/[\w.]+\.lock", commands):
        assert "--hash=sha256:" in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "target"), TARGETS)
def test_an_image_runs_without_root_and_says_how_healthy_it_is(path: Path, target: str) -> None:
    instructions = [each for stage in chain(read_dockerfile(path), target) for each in stage.instructions]
    users = [each.text for each in instructions if each.name == "USER"]
    assert users[-1] == "10001:10001"
    assert "apt-get" not in shell(chain(read_dockerfile(path), target))  # compilers stay behind
    health = [each for each in instructions if each.name == "HEALTHCHECK"]
    assert len(health) == 1
    assert health[0].text == "NONE" if "steps" in path.name else "python" in health[0].words()


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("adclick/cli.py", False),
        ("components/run_report/html/page.html.j2", False),
        ("requirements/portable.lock", False),
        ("requirements/dev.in", True),
        ("serving/__pycache__/client.cpython-310.pyc", True),
        ("serving/.env", True),
        ("configs/key.pem", True),
        ("out/metadata.db", True),
        ("tests/deploy/conftest.py", True),
        (".git/config", True),
        ("deploy/compose.yaml", True),
    ],
)
def test_a_build_sees_what_it_needs_and_nothing_else(name: str, out: bool) -> None:
    assert ignored(name) is out
