"""The emulator is no invention of ours: Google's own client and gcsfs both find in it what they expect."""

from __future__ import annotations

import random

import fsspec
import pytest
from gcs_emulator import GcsEmulator

AWKWARD = [b"", b"\n", b"\r", b"\r\n", b"x\r", b"\n\n", b"a\r\n\r\nb", b"--==0==", b"\x00\xff" * 99, bytes(range(256))]


@pytest.fixture
def emulator() -> GcsEmulator:
    server = GcsEmulator()
    server.buckets["ads"] = {}
    server.start()
    yield server
    server.stop()


def test_googles_client_finds_what_it_expects(emulator: GcsEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.endpoint)
    client = storage.Client(project="p", credentials=AnonymousCredentials())
    bucket = client.create_bucket("made")
    for content in AWKWARD:
        blob = bucket.blob("folder/ä b%#?.bin")
        blob.upload_from_string(content, checksum="md5")  # the client compares the MD5 that comes back
        assert bucket.get_blob(blob.name).size == len(content)
        assert bucket.blob(blob.name).download_as_bytes(checksum="md5") == content
    large = random.Random(1).randbytes(700_000)
    blob = bucket.blob("large", chunk_size=262_144)  # resumable, in three chunks
    blob.upload_from_string(large)
    assert bucket.blob("large").download_as_bytes(start=3, end=9) == large[3:10]
    assert bucket.copy_blob(blob, bucket, "copy").md5_hash == blob.md5_hash
    with pytest.raises(PreconditionFailed):
        bucket.blob("copy").upload_from_string(b"x", if_generation_match=0)
    listing = client.list_blobs("made", delimiter="/", page_size=1)
    assert [blob.name for blob in listing] == ["copy", "large"]
    assert listing.prefixes == {"folder/"}
    bucket.blob("copy").delete()
    with pytest.raises(NotFound):
        bucket.blob("copy").reload()
    emulator.forbidden.add("made")
    with pytest.raises(Forbidden):
        bucket.blob("large").reload()


def test_gcsfs_writes_and_reads_every_size(emulator: GcsEmulator) -> None:
    files = fsspec.filesystem(
        "gs", token="anon", endpoint_url=emulator.endpoint, use_listings_cache=False, skip_instance_cache=True
    )
    for number, content in enumerate([*AWKWARD, random.Random(2).randbytes(11 << 20)]):
        files.pipe_file(f"ads/{number}", content)
        assert files.cat_file(f"ads/{number}") == content
    with files.open("ads/stream", "wb", block_size=1 << 18) as stream:
        for _ in range(5):
            stream.write(bytes(200_000))
    assert files.info("ads/stream")["size"] == 1_000_000
    assert len(files.ls("ads")) == len(AWKWARD) + 2
    files.rm(files.find("ads"))
    assert emulator.buckets["ads"] == {}
