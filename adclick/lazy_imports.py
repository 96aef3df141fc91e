"""Puts off packages that TFX's dependencies import at start-up and a run never or rarely touches.

A postponed package is found at once, with its submodules importable as ever; its own `__init__` runs at the first look
at an attribute that is no submodule (PEP 562 says how a module may do that). Whoever does use it gets the real package.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# package -> who imports it at start-up, and for what
POSTPONED: dict[str, str] = {
    "boto3": "Beam's own S3 client, where it is installed (a test server brings it)",
    "IPython": "TFDV's display functions, which need a submodule of it only",
    "keras_tuner": "TFX's Tuner",
    "kfp": "TFX's compiler for Kubeflow, which needs the messages in a submodule of it only",
    "sklearn": "Keras' scikit-learn wrappers",
    "tfx.components": "one constant of the evaluator, for which it imports every component's executor",
    "tqdm.notebook": "BigQuery's progress bars",
}


# What the interpreter asks any module for in passing; no package defines them.
PROBED = frozenset({"__path__", "__warningregistry__", "__wrapped__"})


class _PostponingLoader(importlib.abc.Loader):
    """Leaves a `__getattr__` in the module that runs the real code when it is wanted."""

    def __init__(self, real: importlib.abc.Loader) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        running = threading.RLock()

        def load(attribute: str) -> object:
            with running:
                submodule = f"{name}.{attribute}"
                if submodule in sys.modules:
                    return sys.modules[submodule]
                if "__getattr__" in vars(module):
                    if attribute in PROBED:
                        raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
                    if hasattr(module, "__path__") and importlib.util.find_spec(submodule) is not None:
                        return importlib.import_module(submodule)
                    del vars(module)["__getattr__"]
                    self._real.exec_module(module)
                return getattr(module, attribute)

        vars(module)["__getattr__"] = load


class _PostponingFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - the import system passes it
    ) -> ModuleSpec | None:
        if fullname not in POSTPONED:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        spec.loader = _PostponingLoader(spec.loader)
        return spec


def postpone_heavy_leaves() -> None:
    """Installs the finder once; packages already imported stay as they are."""
    if not any(isinstance(finder, _PostponingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PostponingFinder())
