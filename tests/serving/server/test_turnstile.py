"""A few requests in each round of the event loop."""

from __future__ import annotations

import asyncio

from serving.server.turnstile import Turnstile


def test_each_round_lets_in_its_share_in_order() -> None:
    entered: list[tuple[int, int]] = []
    rounds = 0

    async def main() -> None:
        nonlocal rounds
        turnstile = Turnstile(asyncio.get_running_loop(), per_round=2)

        async def request(number: int) -> None:
            await turnstile.enter()
            entered.append((number, rounds))

        tasks = [asyncio.create_task(request(number)) for number in range(7)]
        tasks[3].cancel()  # one that gives up costs nobody a turn
        while len(entered) < 6:
            rounds += 1
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(main(), 5))
    assert [number for number, _ in entered] == [0, 1, 2, 4, 5, 6]
    shares = [[when for _, when in entered].count(each) for each in {when for _, when in entered}]
    assert max(shares) <= 2
