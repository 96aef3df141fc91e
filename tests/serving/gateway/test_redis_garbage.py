"""What listens where Redis should be speaks something else: rows go without enrichment, and nothing fails."""

from __future__ import annotations

import asyncio

import pytest

from configs.gateway import Enrichment
from serving.gateway.enrichment import StoreUnavailableError
from serving.gateway.redis_store import RedisStore

SETTINGS = Enrichment.model_validate({"store": "redis", "redis": {"pause_s": 0, "timeout_s": 0.1}})


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*abc\r\n",  # a number that is none
        b"+OK\r\n",  # no list
        b"*1\r\n$1\r\na\r\n",  # a value for two keys
        b"*-1\r\n",
        b"\xff\x00\r\n",
        b"$99999999999\r\n",  # never comes
        b"",
    ],
)
def test_an_answer_that_is_none_counts_as_an_outage(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(reply)
            await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("ADCLICK_REDIS_URL", f"redis://127.0.0.1:{port}/0")
        store = RedisStore(SETTINGS)
        with pytest.raises(StoreUnavailableError):
            await store.get_many([("user", "a"), ("user", "b")])
        await store.close()
        server.close()

    asyncio.run(main())
