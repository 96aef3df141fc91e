"""What depends on the stack (TFX and the releases that move with it), in this one module.

Versions, the Keras flag and the known noise of the libraries are read from here by everything else.
Importing it costs milliseconds: none of the libraries is loaded.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

KERAS_FLAG = "TF_USE_LEGACY_KERAS"
# What TensorFlow 2.16 itself takes for yes (tensorflow/__init__.py, `_tf_uses_legacy_keras`).
KERAS_FLAG_ON = ("1", "true", "True")


class StackError(RuntimeError):
    """The process or its environment contradicts the stack; the message says how to mend it."""


@dataclass(frozen=True)
class Stack:
    """One set of releases known to work together; `pins` maps distribution names to exact versions."""

    name: str
    python: tuple[int, int]
    glibc_min: tuple[int, int]
    pins: Mapping[str, str]


# TFX 1.16.0's own metadata fixes the minor releases; requirements/portable.lock holds the rest. glibc 2.28 is
# what the newest wheels of that lock ask for (scripts/lock.sh), though TFX's own run on 2.17.
PORTABLE = Stack(
    name="portable",
    python=(3, 10),
    glibc_min=(2, 28),
    pins=MappingProxyType(
        {
            "tfx": "1.16.0",
            "tensorflow": "2.16.2",
            "tf-keras": "2.16.0",
            "tensorflow-model-analysis": "0.47.1",
            "tensorflow-data-validation": "1.16.1",
            "tensorflow-transform": "1.16.0",
            "tensorflow-serving-api": "2.16.1",
            "apache-beam": "2.65.0",
            "protobuf": "3.20.3",
            "kfp": "2.5.0",
        }
    ),
)
STACKS: Mapping[str, Stack] = MappingProxyType({stack.name: stack for stack in (PORTABLE,)})

# (message pattern, category). The lock keeps clear of the releases that say these on every import; an
# environment installed without it should not repeat them in every process either.
KNOWN_NOISE: tuple[tuple[str, type[Warning]], ...] = (
    (r"You are using a non-supported Python version \(3\.10", FutureWarning),  # google-api-core >= 2.28
    (r"grpcio < [\d.]+ does not support Post-Quantum Cryptography", FutureWarning),  # google-auth >= 2.57
    (r"pkg_resources is deprecated as an API", DeprecationWarning),  # setuptools, by way of aiplatform 1.38
)


def keras_flag_fault(environ: Mapping[str, str]) -> str | None:
    """What is wrong with the Keras flag in `environ`, or None; unset is right, for it is set in time."""
    value = environ.get(KERAS_FLAG)
    if value is None or value in KERAS_FLAG_ON:
        return None
    return (
        f"{KERAS_FLAG}={value!r} is set, but TensorFlow Transform and tf-keras need Keras 2: "
        f"`unset {KERAS_FLAG}` or set it to 1"
    )


def prepare_environment() -> None:
    """Set what TensorFlow reads at import; to be called before the first import of it, any number of times.

    Sets `TF_USE_LEGACY_KERAS=1` (TFT's layers subclass Keras 2), `TF_CPP_MIN_LOG_LEVEL=3` unless it is set
    already, and drops the warnings of KNOWN_NOISE. Child processes inherit the variables.

    Raises:
        StackError: the flag contradicts the stack, or TensorFlow was imported without it.
    """
    fault = keras_flag_fault(os.environ)
    if fault:
        raise StackError(fault)
    if "tensorflow" in sys.modules and KERAS_FLAG not in os.environ:
        raise StackError(
            "tensorflow was imported before adclick.stack.prepare_environment() and so chose Keras 3: "
            f"call prepare_environment() first, or start the process with {KERAS_FLAG}=1"
        )
    os.environ.setdefault(KERAS_FLAG, "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 2 leaves three lines on missing CUDA parts; errors are raised
    for message, category in KNOWN_NOISE:
        warnings.filterwarnings("ignore", message=message, category=category)


def stack_for_python(version: tuple[int, int]) -> Stack:
    """The stack that runs on Python `version` (major, minor).

    Raises:
        StackError: no stack does.
    """
    for stack in STACKS.values():
        if stack.python == version:
            return stack
    supported = ", ".join(f"{stack.python[0]}.{stack.python[1]} ({stack.name})" for stack in STACKS.values())
    raise StackError(f"no stack for Python {version[0]}.{version[1]}; supported: {supported}")


def installed_versions(distributions: Iterable[str]) -> dict[str, str | None]:
    """Installed version of each distribution by its metadata, None where missing; nothing is imported."""
    versions: dict[str, str | None] = {}
    for name in distributions:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions
