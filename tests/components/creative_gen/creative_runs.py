"""CreativeGen's driver and executor on a folder of images, run after run, as a pipeline would."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from components.artifacts import CreativeStore, IngestReport
from components.creative_gen.driver import CreativeGenDriver
from components.creative_gen.executor import CreativeGenExecutor
from components.creative_gen.image_folder import ImageFolder
from components.creative_gen.store import STORE_FILES
from configs.settings import Creatives

LIMITS = Creatives(image_px=16, max_file_bytes=50_000)


def drawn(seed: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)).save(stream, kind)
    return stream.getvalue()


class Run(NamedTuple):
    """What a run left, and which images it read."""

    fingerprint: str | int
    files: dict[str, bytes]
    read_and_reused: tuple[int, int]
    read_by_driver: list[str]
    read_by_executor: list[str]


class CreativeRuns:
    """`paths` may be changed between runs, and so may the images."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str], root: str | None = None) -> None:
        self.top, self.paths, self.number = top, paths, 0
        self.images = top / "images"
        self.images.mkdir()
        self.root = root or str(self.images)
        self.pointer = top / "out" / "creative_stores" / "latest.json"
        self._reads: list[str] = []
        read = ImageFolder.read

        def counted(folder: ImageFolder, path: str) -> bytes | None:
            self._reads.append(path)
            return read(folder, path)

        monkeypatch.setattr(ImageFolder, "read", counted)

    def store(self, number: int) -> Path:
        return self.top / "out" / "store" / str(number)

    def run(self, limits: Creatives = LIMITS, code: str = "c", pointer: Path | None = None) -> Run:
        """A run with the images as they are."""
        self.number += 1
        report, store = IngestReport(), CreativeStore()
        report.uri, store.uri = str(self.top / "report"), str(self.store(self.number))
        Path(report.uri).mkdir(exist_ok=True)
        rows = "".join(f"{path},{1 + number},m.csv,{2 + number}\n" for number, path in enumerate(self.paths))
        (self.top / "report" / "creatives.csv").write_text(f"path,impressions,first_file,first_line\n{rows}")
        properties = {
            "image_root": self.root,
            "creatives": limits.model_dump_json(),
            "store_pointer": str(pointer or self.pointer),
            "code": code,
        }
        self._reads.clear()
        observed = CreativeGenDriver(None).observe({"ingest_report": [report]}, properties)
        read_by_driver = sorted(self._reads)
        self._reads.clear()
        CreativeGenExecutor().Do({"ingest_report": [report]}, {"creative_store": [store]}, {**properties, **observed})
        files = {name: (self.store(self.number) / name).read_bytes() for name in STORE_FILES}
        counted = (store.get_int_custom_property("read"), store.get_int_custom_property("reused"))
        return Run(observed["image_fingerprint"], files, counted, read_by_driver, sorted(self._reads))

    def from_nothing(self, limits: Creatives = LIMITS) -> Run:
        """The same without any earlier run."""
        return self.run(limits, pointer=self.top / f"elsewhere-{self.number}" / "latest.json")
