"""Which edits reach which component, on a copy of the project's own sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.code_fingerprint import OWN_PACKAGES, PROJECT_ROOT, code_fingerprint


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal copies: imports are remembered by folder, as no process sees its sources change."""
    for name in ("before", "after"):
        for package in sorted(OWN_PACKAGES):
            shutil.copytree(PROJECT_ROOT / package, tmp_path / name / package, ignore=shutil.ignore_patterns("*.pyc"))
    return tmp_path / "before", tmp_path / "after"


def append(root: Path, module: str, text: str = "\n# edited\n") -> None:
    with (root / f"{module.replace('.', '/')}.py").open("a", encoding="utf-8") as stream:
        stream.write(text)


TRANSFORM = ("trainer.preprocessing",)
TRAINER = ("trainer.run", "components.trainer.executor")
INGEST = ("components.example_gen.executor",)


def test_equal_sources_have_equal_fingerprints(trees: tuple[Path, Path]) -> None:
    for modules in (TRANSFORM, TRAINER, INGEST):
        here, before, after = (code_fingerprint(*modules, root=root) for root in (PROJECT_ROOT, *trees))
        assert here == before == after
        assert len(here) == 16


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("trainer.fitting", {TRAINER}),
        ("trainer.preprocessing", {TRANSFORM, TRAINER}),
        ("components.example_gen.csv_blocks", {INGEST}),  # imported by ingest, which the executor imports
        ("components.example_gen.example_writing", {INGEST}),  # imported within a function only
        ("configs.features", {TRANSFORM, TRAINER, INGEST}),
        ("components.pusher.versions", set()),
        ("simulator.simulation", set()),
    ],
)
def test_an_edit_reaches_those_who_import_it(
    trees: tuple[Path, Path], edited: str, changed: set[tuple[str, ...]]
) -> None:
    before, after = trees
    append(after, edited)
    found = {
        modules
        for modules in (TRANSFORM, TRAINER, INGEST)
        if code_fingerprint(*modules, root=before) != code_fingerprint(*modules, root=after)
    }
    assert found == changed


def test_a_new_import_within_a_function_counts(trees: tuple[Path, Path]) -> None:
    before, after = trees
    for root in trees:
        append(root, "trainer.preprocessing", "\n\ndef late():\n    from simulator import vocabulary\n")
    append(after, "simulator.vocabulary")
    assert code_fingerprint(*TRANSFORM, root=before) != code_fingerprint(*TRANSFORM, root=after)


def test_order_does_not_count_and_names_do(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    for name in ("a", "b"):
        (tmp_path / "trainer" / f"{name}.py").write_text("import os\n")
    both = code_fingerprint("trainer.a", "trainer.b", root=tmp_path)
    assert both == code_fingerprint("trainer.b", "trainer.a", root=tmp_path)
    assert code_fingerprint("trainer.a", root=tmp_path) != code_fingerprint("trainer.b", root=tmp_path)


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "a.py").write_text("import trainer.b\n")
    (tmp_path / "trainer" / "b.py").write_text("from trainer.a import x\n")
    assert code_fingerprint("trainer.a", root=tmp_path) == code_fingerprint("trainer.b", root=tmp_path)


def test_a_module_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"trainer.gone: no such module below {tmp_path}"):
        code_fingerprint("trainer.gone", root=tmp_path)
