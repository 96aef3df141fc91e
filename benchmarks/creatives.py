"""CreativeGen on 2,000 drawn creatives of 120 × 90 to 300 × 250 px: from nothing, unchanged, and with one redrawn.

Prints one JSON line. Each pass is what the component does: the driver's fingerprint, then the executor's store. The
first pass includes tracing the graph; importing TensorFlow is left out.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from adclick.stack import prepare_environment

CREATIVES = 2000
SETTINGS = "creatives of 64 px, PNG and JPEG in turns"


class Clock:
    """Wall and CPU seconds of this process, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}

    @contextlib.contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Of the block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.seconds[name] = {
            "wall_s": round(wall, 3),
            "cpu_s": round(cpu, 3),
            "images_per_s": round(CREATIVES / wall),
            "images_per_cpu_s": round(CREATIVES / cpu),
        }


def draw(folder: Path, count: int, seed: int) -> list[str]:
    """The simulator's creatives, by their names."""
    import numpy as np

    from simulator.drawing import CreativeSpec
    from simulator.gallery import write_creatives
    from simulator.population import SIZES_PX

    attributes = np.random.default_rng(seed).random((count, 4)).tolist()
    specs = []
    for index, (warmth, contrast, saturation, clutter) in enumerate(attributes):
        name = f"cr_{index:05d}.{'jpg' if index % 2 else 'png'}"
        width, height = SIZES_PX[index // 2 % len(SIZES_PX)]
        cta = index % 3 == 0
        specs.append(CreativeSpec(name, width, height, warmth, contrast, saturation, clutter, cta, seed, index))
    write_creatives(specs, folder, lambda _: None)
    return [spec.name for spec in specs]


def main() -> None:
    """Draws, runs the three passes, then reading and decoding alone."""
    prepare_environment()
    import tensorflow as tf

    from adclick.filesystem import read_bytes
    from components.creative_gen.image_checks import check_header
    from components.creative_gen.image_fingerprint import image_fingerprint
    from components.creative_gen.image_folder import SETTLED_AFTER_S
    from components.creative_gen.normalising import normalise_creatives
    from components.creative_gen.previous_store import find_previous, known_sources, making, point_to
    from components.creative_gen.store import Creative, write_store
    from configs.settings import Creatives
    from trainer.image_graph import normalise_image

    clock, limits = Clock(), Creatives()
    with tempfile.TemporaryDirectory() as top:
        images, pointer = Path(top) / "images", f"{top}/creative_stores/latest.json"
        images.mkdir()
        names = draw(images, CREATIVES, seed=7)
        creatives = [Creative(name, 1, "impressions.csv", 2) for name in names]
        root, made = str(images), making(str(images), limits.model_dump_json(), "benchmark")

        def component(name: str) -> dict[str, int]:
            time.sleep(SETTLED_AFTER_S + 0.1)
            with clock.measure(name):
                image_fingerprint(names, root, limits, known_sources(pointer, root))
                outcomes = normalise_creatives(creatives, root, limits, find_previous(pointer, made))
                written = write_store(f"{top}/{name}", outcomes, limits.image_px)
                point_to(pointer, f"{top}/{name}", written.sources, root, made)
            return {"read": written.read, "reused": written.reused}

        counts = {name: component(name) for name in ("from_nothing", "unchanged")}
        draw(images, 1, seed=8)  # the first one anew
        counts["one_redrawn"] = component("one_redrawn")
        with clock.measure("read_alone"):
            encoded = [read_bytes(f"{root}/{name}") for name in names]
        with clock.measure("hash_alone"):
            for one in encoded:
                hashlib.sha256(one).hexdigest()
        with clock.measure("check_header_alone"):
            for one in encoded:
                check_header(one, limits)
        graph = tf.function(
            lambda one: normalise_image(one, limits.image_px),
            input_signature=[tf.TensorSpec([], tf.string)],
            autograph=False,
        ).get_concrete_function()
        graph(tf.constant(encoded[0]))
        with clock.measure("decode_alone_one_thread"):
            for one in encoded:
                graph(tf.constant(one)).numpy()
    print(
        json.dumps(
            {
                "benchmark": "creatives",
                "creatives": CREATIVES,
                "settings": SETTINGS,
                "mean_bytes": round(sum(map(len, encoded)) / len(encoded)),
                "cores": len(os.sched_getaffinity(0)),
                **clock.seconds,
                "counts": counts,
            }
        )
    )


if __name__ == "__main__":
    main()
