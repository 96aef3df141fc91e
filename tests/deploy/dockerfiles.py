"""What a Dockerfile says, and which files of this repository its build sees, without an engine.

https://docs.docker.com/reference/dockerfile/ and …/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
IMAGES = sorted((ROOT / "deploy" / "images").glob("*.Dockerfile"))


class Instruction(NamedTuple):
    """Such as COPY and its words."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Without flags; JSON form or plain."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return [word for word in self.text.split() if not word.startswith("--")]


class Stage(NamedTuple):
    """From one FROM to the next."""

    name: str
    base: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Instruction]:
        """Its instructions of one name."""
        return [each for each in self.instructions if each.name == name]


def read_dockerfile(path: Path) -> list[Stage]:
    """Stages in order; ARGs before the first FROM are put into the FROM lines."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
            stages.append(Stage(name or "final", base, []))
        elif not stages:
            assert instruction.name == "ARG", instruction
            key, _, value = instruction.text.partition("=")
            arguments[key] = value
        else:
            stages[-1].instructions.append(instruction)
    return stages


def chain(stages: list[Stage], target: str) -> list[Stage]:
    """The stages that a target's image is made of, base first."""
    by_name = {stage.name: stage for stage in stages}
    found = [by_name[target]]
    while found[0].base in by_name:
        found.insert(0, by_name[found[0].base])
    return found


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for joined in re.sub(r"\s*\\\n\s*", " ", "\n".join(lines)).splitlines():
        name, _, rest = joined.strip().partition(" ")
        words = rest.strip()
        if name == "HEALTHCHECK" and " CMD " in f" {words}":
            words = words.partition("CMD ")[2]
        yield Instruction(name, words)


def context_files() -> list[str]:
    """Tracked and new files that .dockerignore lets a build see, relative to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted({name for name in listed if (ROOT / name).is_file() and not ignored(name)})


def ignored(name: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits it, or a folder above it, decides."""
    parts = name.split("/")
    paths = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = _pattern(line.removeprefix("!"))
        if any(pattern.fullmatch(path) for path in paths):
            out = not line.startswith("!")
    return out


def _pattern(glob: str) -> re.Pattern[str]:
    """Go's filepath.Match, and `**` for any number of folders."""
    pieces = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", glob)
    return re.compile("".join(pieces.get(part, part if part.startswith("[") else re.escape(part)) for part in parts))


def copied(stage: Stage, files: list[str]) -> dict[str, list[str]]:
    """Files of the context by each source that the stage's COPY lines name; those from other stages are left out."""
    found: dict[str, list[str]] = {}
    for instruction in stage.all("COPY"):
        if "--from=" in instruction.text:
            continue
        for source in instruction.words()[:-1]:
            pattern = _pattern(source)
            found[source] = [name for name in files if name.startswith(f"{source}/") or pattern.fullmatch(name)]
    return found
