"""Finds the newest whole creative store of the same making, so that what it holds is not read again.

Execution properties are part of TFX's cache key, so the store's place cannot be one. A small file at a fixed place
below the pipeline root names it, with what each image's file looked like; whatever does not fit is ignored. The store
itself holds nothing of the kind: it is the same for the same images, whenever and wherever they are read.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import os
from typing import Any

import numpy as np

from adclick.filesystem import join, open_binary, read_bytes
from adclick.stores import explained, locate
from components.creative_gen.image_checks import Fault, UnusableCode
from components.creative_gen.store import (
    STORE_FILES,
    Pixels,
    Source,
    local_path,
    read_pixels,
    read_unusable,
)
from pipeline.kubeflow.launcher_paths import readable_uri
from pipeline.mirror import canonical_uri

POINTER = "creative_stores/latest.json"
"""Below the pipeline root."""

_NOT_WHOLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, ImportError, csv.Error)
"""What reading a pointer or a store that is gone, cut or overwritten may raise."""


def making(image_root: str, creatives: str, code: str) -> str:
    """Fingerprint of all that pixels depend on besides the images' bytes."""
    decoders = [f"{package} {importlib.metadata.version(package)}" for package in ("tensorflow", "pillow")]
    return hashlib.sha256(json.dumps([image_root, creatives, code, decoders]).encode()).hexdigest()


class PreviousStore:
    """Pixels and faults by the file they came from."""

    def __init__(self, uri: str, sources: dict[str, Source]) -> None:
        """Raises one of _NOT_WHOLE where the store is not whole."""
        self._sources = sources
        keys, self._pixels = read_pixels(uri)
        if self._pixels.dtype != np.uint8 or len(self._pixels) != len(keys):
            raise ValueError(f"{uri}: keys.json and pixels.npy do not belong together")
        self._row = {key: row for row, key in enumerate(keys)}
        self._faults = {row["path"]: Fault(UnusableCode(row["reason"]), row["detail"]) for row in read_unusable(uri)}
        if self._sources.keys() != self._row.keys() | self._faults.keys():
            raise ValueError(f"{uri} is not the store that the pointer was written for")
        self._path_of = {source.sha256: path for path, source in self._sources.items() if source.sha256}

    def known(self, path: str, token: str | None) -> Source | None:
        """Of a file that is as it was."""
        source = self._sources.get(path)
        unchanged = source is not None and token is not None and source.token == token and source.sha256
        return source if unchanged else None

    def result(self, sha256: str | None) -> Pixels | Fault | None:
        """What became of the same content, under whatever path; None where there was none."""
        path = self._path_of.get(sha256) if sha256 else None
        if path is None:
            return None
        return self._faults[path] if path in self._faults else self._pixels[self._row[path]]


def find_previous(pointer_uri: str, made: str) -> PreviousStore | None:
    """The store that the pointer names; None where it is gone, not whole or of another making."""
    pointer = _read_pointer(pointer_uri)
    try:
        return PreviousStore(pointer["store"], _sources(pointer)) if pointer.get("making") == made else None
    except _NOT_WHOLE:
        return None


def known_sources(pointer_uri: str, image_root: str) -> dict[str, Source]:
    """Tokens and digests of the newest store's images, whatever was made of them; empty where there are none."""
    pointer = _read_pointer(pointer_uri)
    try:
        return _sources(pointer) if pointer.get("image_root") == image_root else {}
    except _NOT_WHOLE:
        return {}


def point_to(pointer_uri: str, store_uri: str, sources: dict[str, Source], image_root: str, made: str) -> None:
    """Names a store that is complete. The file is replaced at once: no reader sees half of it."""
    pointer = {
        "store": canonical_uri(readable_uri(store_uri)),
        "image_root": image_root,
        "making": made,
        "bytes": _sizes(store_uri),
        "sources": sources,
    }
    content = json.dumps(pointer).encode()
    local = local_path(pointer_uri)
    if local is None:  # an object store replaces objects at once
        with open_binary(pointer_uri, mode="wb") as stream:
            stream.write(content)
        return
    local.parent.mkdir(parents=True, exist_ok=True)
    beside = local.with_name(f".{local.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(local)


def _read_pointer(uri: str) -> dict[str, Any]:
    """Empty where there is none, or where the store that it names has other files than it had."""
    try:
        pointer = json.loads(read_bytes(uri))
        whole = isinstance(pointer, dict) and _sizes(pointer["store"]) == pointer["bytes"]
    except _NOT_WHOLE:
        return {}
    return pointer if whole else {}


def _sources(pointer: dict[str, Any]) -> dict[str, Source]:
    return {path: Source(*source) for path, source in pointer["sources"].items()}


def _sizes(store_uri: str) -> dict[str, int]:
    files, top = locate(store_uri)
    with explained(store_uri):
        return {name: int(files.size(join(top, name))) for name in STORE_FILES}
