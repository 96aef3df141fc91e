"""Local copies of artifacts that are in a store.

TensorFlow, TFT, TFMA and Beam bring file layers of their own, without S3 or with an endpoint that cannot be chosen. So
an executor sees local paths only: its inputs are fetched before it runs, its outputs uploaded after it, and lineage
names the store. An artifact's URI belongs to one execution for ever, so a copy never goes stale and the mirror may be
removed between runs.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adclick.errors import AdclickError
from adclick.folder_copies import download_folder, upload_folder
from adclick.stores import STORES, scheme

TOP_FILE = ".adclick-mirror"
"""Marks the mirror's top folder; below it lies `<scheme>/<bucket>/<key>`."""
FETCHES = 4
"""Artifacts fetched at once, each with connections of its own."""


class Mirror:
    """The copies below one local folder."""

    def __init__(self, folder: Path) -> None:
        """The folder is made with the first copy."""
        self._folder = folder.absolute()

    def local(self, uri: str) -> str:
        """Where the copy of a store's URI lies or would lie; a local path stays as it is."""
        if scheme(uri) not in STORES:
            return uri
        return f"{self._folder}/{uri.replace('://', '/', 1)}"

    def canonical(self, path: str) -> str:
        """The URI whose copy a path is; another path stays as it is."""
        before, below, rest = path.partition(f"{self._folder}/")
        protocol, _, key = rest.partition("/")
        return path if before or not below or protocol not in STORES else f"{protocol}://{key}"

    def fetch(self, uris: Iterable[str]) -> None:
        """Brings what lies below each of a store's URIs here, unless it is here already.

        Raises AdclickError for an artifact that is no longer in the store.
        """
        wanted = [uri for uri in dict.fromkeys(uris) if self.local(uri) != uri and not Path(self.local(uri)).exists()]
        with ThreadPoolExecutor(FETCHES) as pool:
            for _ in pool.map(self._fetch_one, wanted):
                pass

    def _fetch_one(self, uri: str) -> None:
        target = Path(self.make_room(uri))
        beside = target.with_name(f".incoming-{uuid.uuid4().hex}")
        try:
            if not download_folder(uri, beside):
                raise AdclickError(
                    f"{uri}: this artifact of an earlier run is no longer in the store; --fresh makes it anew"
                )
            beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def make_room(self, uri: str) -> str:
        """The place of a copy that is yet to be made; the folder that is to hold it is there."""
        target = Path(self.local(uri))
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._folder / TOP_FILE).touch()
        return str(target)

    def upload(self, uris: Iterable[str]) -> None:
        """Puts the local side of each URI into its store; returns when all of it is there."""
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
    if scheme(path):
        return path
    absolute = Path(path).absolute()
    for folder in absolute.parents:
        if (folder / TOP_FILE).is_file():
            found = Mirror(folder).canonical(str(absolute))
            return found if scheme(found) else path
    return path
