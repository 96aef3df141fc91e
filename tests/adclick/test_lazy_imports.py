"""Postponed modules: found at once, executed at the first use, and the real ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(code: str, folder: Path) -> list[str]:
    """In a process of its own, since an imported module stays imported."""
    path = {"PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_postponed_module_runs_at_its_first_use(tmp_path: Path) -> None:
    (tmp_path / "leaf.py").write_text("print('leaf runs')\nvalue = 7\n")
    (tmp_path / "nest").mkdir()
    (tmp_path / "nest" / "__init__.py").write_text("print('nest runs')\n")
    (tmp_path / "nest" / "egg.py").write_text("print('egg runs')\nvalue = 8\n")
    (tmp_path / "other.py").write_text("print('other runs')\n")
    code = """
from adclick import lazy_imports
lazy_imports.POSTPONED.clear()
lazy_imports.POSTPONED.update({"leaf": "a test", "nest.egg": "a test", "not_there": "a test"})
lazy_imports.postpone_heavy_leaves()
lazy_imports.postpone_heavy_leaves()
import sys
print(sum(type(finder).__name__ == "_PostponingFinder" for finder in sys.meta_path))
import leaf, other
from nest import egg
print("imported")
print(leaf.value, egg.value, leaf.value)
try:
    import not_there
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(code, tmp_path) == [
        "1",
        "other runs",
        "nest runs",
        "imported",
        "leaf runs",
        "egg runs",
        "7 8 7",
        "No module named 'not_there'",
    ]


def test_what_is_postponed_is_installed_and_works_when_it_is_used(tmp_path: Path) -> None:
    code = """
from adclick.lazy_imports import POSTPONED, postpone_heavy_leaves
postpone_heavy_leaves()
import importlib.util, sys
print([name for name in POSTPONED if name.count(".") == 0 and importlib.util.find_spec(name) is None])
import sklearn
print("sklearn._config" in sys.modules)
print(sklearn.__version__.count("."))
print("sklearn._config" in sys.modules)
"""
    assert run(code, tmp_path) == ["[]", "False", "2", "True"]
