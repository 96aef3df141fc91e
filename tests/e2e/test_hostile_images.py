"""Images made to hurt, sent to the server of a pushed model: each costs its own row at most, and nothing stays."""

from __future__ import annotations

import io
import logging
import random
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from local_run import Run, served
from PIL import Image

from serving.client import GrpcClient, RestClient

pytestmark = pytest.mark.e2e

_log = logging.getLogger(__name__)

MUTATED = 2000
WORKERS = 8
MAX_REPLY_S = 5.0
SETTLE_S = 1.5  # memory goes back a moment later
MAX_GROWTH_BYTES = 100_000_000


def png(width: int, height: int) -> bytes:
    """All black: a megapixel takes three kilobytes."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * width)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def encode(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def mutated(random_: random.Random, originals: Sequence[bytes]) -> bytes:
    """A real image with some of its bytes changed, taken out, or cut off."""
    content = bytearray(random_.choice(originals))
    for _ in range(random_.randint(1, 8)):
        position = random_.randrange(min(len(content), 200) if random_.random() < 0.5 else len(content))
        if random_.random() < 0.7:
            content[position] = random_.randrange(256)
        else:
            del content[position : position + random_.randrange(1, 50)]
    return bytes(content[: random_.randrange(1, len(content))] if random_.random() < 0.2 else content)


@pytest.fixture(scope="module")
def server(first_run: Run) -> Iterator[tuple[psutil.Process, str, str]]:
    """(process, gRPC address, REST address)."""
    with served(first_run.output) as (pid, grpc, rest):
        yield psutil.Process(pid), grpc, rest


def test_hostile_images_cost_their_row_the_picture_and_the_server_nothing(
    server: tuple[psutil.Process, str, str],
) -> None:
    process, grpc, rest = server
    noise = Image.fromarray(np.random.default_rng(5).integers(0, 256, (250, 300, 3), np.uint8))
    originals = [encode(noise, kind) for kind in ("JPEG", "PNG", "GIF", "BMP")]
    fine = {"image_path": "new/fine.jpg", "image_path_bytes": originals[0], "device": "mobile"}
    statuses: Counter[str] = Counter()
    slowest_s = 0.0

    def ask(image: bytes) -> None:
        nonlocal slowest_s
        bad = {**fine, "image_path_bytes": image}
        client = clients[random.randrange(2)]
        started_s = time.monotonic()
        neighbour, row = client.predict([fine, bad])
        slowest_s = max(slowest_s, time.monotonic() - started_s)
        assert neighbour.click_probability == pytest.approx(expected, abs=1e-6)
        assert 0 <= row.click_probability <= 1
        statuses[row.creative_status or "none"] += 1

    with GrpcClient(grpc, "adclick", timeout_s=30) as first, RestClient(rest, "adclick", timeout_s=30) as second:
        clients = (first, second)
        expected = first.predict([fine])[0].click_probability
        for _ in range(3):  # the threads' own memory is no growth
            with ThreadPoolExecutor(WORKERS) as pool:
                list(pool.map(ask, originals * 5))
        before_bytes = process.memory_info().rss
        random_ = random.Random(8)
        images = [mutated(random_, originals) for _ in range(MUTATED)]
        images += [png(65_500, 8), png(60_000, 60), png(5_000, 5_000), png(20_000, 20_000)] * 3
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(ask, images))
        time.sleep(SETTLE_S)
        grown_bytes = process.memory_info().rss - before_bytes
    _log.info("%s, slowest %.2f s, grown by %.0f MB", dict(statuses), slowest_s, grown_bytes / 1e6)
    assert statuses["unreadable"] > MUTATED / 10
    assert statuses["image"] > MUTATED / 10, "many a changed byte is only another colour"
    assert slowest_s < MAX_REPLY_S
    assert grown_bytes <= MAX_GROWTH_BYTES
