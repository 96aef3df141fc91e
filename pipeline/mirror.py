"""Local copies of a pipeline root in a store.

TensorFlow, TFT, TFMA and Beam bring file layers of their own, without S3 or with an endpoint that cannot be chosen. So
an executor sees local paths only: its inputs are fetched before it runs, its outputs uploaded after it, and lineage
names the store. A URI below the pipeline root belongs to one execution for ever, so a copy never goes stale and the
mirror may be removed at any time.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adclick.errors import AdclickError
from adclick.filesystem import download_folder, join, upload_folder

ROOT_FILE = ".adclick-mirror-of"
"""In the mirror's top folder; holds the URI of which the folder is a copy."""
FETCHES = 4
"""Artifacts fetched at once, each with connections of its own."""


class Mirror:
    """The copy of one pipeline root below one local folder."""

    def __init__(self, root: str, folder: Path) -> None:
        """`root`: URI of the pipeline root. What is known to come from another root is not kept."""
        self._root, self._folder = root.rstrip("/"), folder.absolute()
        self._lock = threading.Lock()
        marker = self._folder / ROOT_FILE
        if self._folder.exists() and not (marker.is_file() and marker.read_text(encoding="utf-8") == self._root):
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(self._root, encoding="utf-8")

    def local(self, uri: str) -> str:
        """Where a URI's copy lies or would lie; what is not below the pipeline root stays as it is."""
        if uri != self._root and not uri.startswith(f"{self._root}/"):
            return uri
        return str(self._folder) + uri[len(self._root) :]

    def canonical(self, path: str) -> str:
        """The URI whose copy a path is; another path stays as it is."""
        if path != str(self._folder) and not path.startswith(f"{self._folder}/"):
            return path
        return self._root + path[len(str(self._folder)) :]

    def fetch(self, uris: Iterable[str]) -> None:
        """Brings what lies below each URI of the pipeline root here, unless it is here already.

        Raises AdclickError for an artifact that is no longer in the store.
        """
        wanted = [uri for uri in dict.fromkeys(uris) if self.local(uri) != uri and not Path(self.local(uri)).exists()]
        with ThreadPoolExecutor(FETCHES) as pool:
            for _ in pool.map(self._fetch_one, wanted):
                pass

    def _fetch_one(self, uri: str) -> None:
        target = Path(self.local(uri))
        beside = target.with_name(f".incoming-{uuid.uuid4().hex}")
        try:
            if not download_folder(uri, beside):
                raise AdclickError(
                    f"{uri}: this artifact of an earlier run is no longer in the store; --fresh makes it anew"
                )
            beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def upload(self, uris: Iterable[str]) -> None:
        """Copies the local side of each URI of the pipeline root into the store; returns when all of it is there."""
        for uri in uris:
            if self.local(uri) != uri:
                upload_folder(Path(self.local(uri)), uri)

    def remove_local(self, uri: str) -> None:
        """Removes the copy alone."""
        if self.local(uri) != uri:
            shutil.rmtree(self.local(uri), ignore_errors=True)


def canonical_uri(path: str) -> str:
    """The store's URI for a path below any mirror's folder; every other path or URI as it is.

    For code that leaves a place of its own output behind and is given the local copy's, in whatever process.
    """
    if "://" in path:
        return path
    for folder in Path(path).absolute().parents:
        marker = folder / ROOT_FILE
        if marker.is_file():
            return join(marker.read_text(encoding="utf-8"), Path(path).absolute().relative_to(folder).as_posix())
    return path
