"""What the documents point at exists: links, files, commands, options, targets and modules."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from adclick.cli import VERBS, build_parser
from adclick.run import add_arguments

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
ROOMS = {
    "adclick",
    "components",
    "configs",
    "docs",
    "pipeline",
    "requirements",
    "scripts",
    "serving",
    "simulator",
    "tests",
}
ROOMS |= {"benchmarks", "deploy", "monitoring", "trainer"}
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
SOURCE = re.compile(r"[\w./-]+\.(py|md|toml|yaml|sh)")
PLACEHOLDER = re.compile(r"[<*{…]")
COMMAND = re.compile(
    r"(?:^|\s)(adclick|make|python -m|python run_local\.py|run_local\.py)(?=\s|$)"
    r"(?! (?:model server|gateway):)([^#\n]*)"  # what a server says on its standard output
)


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def anchors(document: Path) -> set[str]:
    """As GitHub makes them: lower case, spaces to hyphens, other marks dropped."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", read(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(document: Path) -> list[str]:
    """Lines of code blocks, and what stands in backticks."""
    text = read(document)
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()[1:-1]]
    return lines + INLINE.findall(BLOCK.sub("", text))


def commands(document: Path) -> list[tuple[str, list[str]]]:
    """Program and words of each command in the document's code."""
    lines = [line.removeprefix("$ ") for line in code(document) if not line.startswith("adclick:")]
    return [(match[1], match[2].split()) for line in lines for match in COMMAND.finditer(line)]


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Of a command and of the actions below it, as in `adclick models list`."""
    found = {option for action in parser._actions for option in action.option_strings}
    below = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    return found.union(*(options(one) for choices in below for one in choices.values()))


def options_of(verb: str) -> set[str]:
    choices = next(action.choices for action in build_parser(verb)._actions if isinstance(action.choices, dict))
    return options(choices[verb])


def test_there_are_documents_to_look_at() -> None:
    assert {path.name for path in DOCUMENTS} >= {
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "data.md",
        "serving.md",
    }
    assert sum(len(commands(path)) for path in DOCUMENTS) > 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(read(document)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = document.parent / name if name else document
        assert file.is_file(), f"{document.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{document.name} links to {target}: {sorted(anchors(file))}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_project_path_exists(document: Path) -> None:
    for token in INLINE.findall(BLOCK.sub("", read(document))):
        in_a_room = "/" in token and token.partition("/")[0] in ROOMS and not PLACEHOLDER.search(token)
        if in_a_room or SOURCE.fullmatch(token):
            assert (ROOT / token).exists(), f"{document.name} names {token}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_exists_with_its_options(document: Path) -> None:
    run = argparse.ArgumentParser()
    add_arguments(run)
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.MULTILINE))
    for program, words in commands(document):
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        if program == "make":
            assert words[0].rstrip(",") in targets, f"{document.name}: make {words[0]}"
        elif program == "python -m":
            module = ROOT / words[0].replace(".", "/")
            found = module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()
            assert found, f"{document.name}: python -m {words[0]}"
        elif program == "adclick" and words and not words[0].startswith("--"):
            assert words[0] in VERBS, f"{document.name}: adclick {words[0]}"
            assert given <= options_of(words[0]), f"{document.name}: adclick {' '.join(words)}"
        elif program != "adclick":
            assert given <= options(run), f"{document.name}: {program} {' '.join(words)}"
