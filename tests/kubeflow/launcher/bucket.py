"""Buckets, kept as one folder: objects only, since a store knows no folders."""

from __future__ import annotations

import shutil
from pathlib import Path


class Buckets:
    """Copies between buckets and pods as backend/src/v2/objectstore/object_store.go does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        """An object `scheme://bucket/key` is the file `root/scheme/bucket/key`."""

    def place(self, uri: str) -> Path:
        """Where the objects of a URI are kept."""
        scheme, _, rest = uri.partition("://")
        if not rest:
            raise ValueError(f"{uri} names no bucket")
        return self.root / scheme / rest.rstrip("/")

    def upload(self, local: Path, uri: str) -> bool:
        """Copies a file or every file below a folder; whether it was there. Empty folders leave no trace."""
        if not local.exists():
            return False
        files = [local] if local.is_file() else [file for file in sorted(local.rglob("*")) if file.is_file()]
        for file in files:
            target = self.place(uri) / file.relative_to(local) if file != local else self.place(uri)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        return True

    def download(self, uri: str, local: Path) -> None:
        """Copies the object, or all objects below the URI; none is no failure, as upstream."""
        source = self.place(uri)
        files = [source] if source.is_file() else [file for file in sorted(source.rglob("*")) if file.is_file()]
        for file in files:
            target = local / file.relative_to(source) if file != source else local
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
