"""Which lines of our own code a component depends on: a fingerprint of a module and all it imports, read as text.

TFX fingerprints `module_file` only, and packs every file beside it. This follows imports instead, so that an edit
reruns the components that use the edited lines and no other.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
OWN_PACKAGES = frozenset({"adclick", "configs", "components", "pipeline", "trainer", "serving", "simulator"})


def code_fingerprint(*modules: str, root: Path = PROJECT_ROOT) -> str:
    """SHA-256 over the sources of `modules` and of every own module they import, directly or not.

    Imports within functions count. Raises ValueError for a module that is not ours.
    """
    digest = hashlib.sha256()
    for module in sorted(_reach(modules, root)):
        digest.update(module.encode() + b"\0" + _file_of(module, root).read_bytes())
    return digest.hexdigest()[:16]


def _reach(modules: tuple[str, ...], root: Path) -> set[str]:
    waiting, seen = list(modules), set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        waiting.extend(_imports(module, root))
    return seen


@functools.cache
def _imports(module: str, root: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(_file_of(module, root).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(name for name in found if name.partition(".")[0] in OWN_PACKAGES and _is_module(name, root))


def _is_module(name: str, root: Path) -> bool:
    path = root / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _file_of(module: str, root: Path) -> Path:
    path = root / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise ValueError(f"{module}: no such module below {root}")
    return file
