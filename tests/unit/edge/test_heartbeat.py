import asyncio

from services.edge.heartbeat import Heartbeat


async def test_short_waits_have_none() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        beats += 1

    async with Heartbeat(beat, seconds=30):
        await asyncio.sleep(0)

    assert beats == 0


async def test_long_waits_have_them_until_they_end() -> None:
    beats = 0
    enough = asyncio.Event()

    async def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == 3:
            enough.set()

    async with Heartbeat(beat, seconds=0.001):
        await enough.wait()
    seen = beats
    await asyncio.sleep(0.02)

    assert seen == beats >= 3


async def test_a_beat_is_never_cut_in_the_middle() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()
    whole = False

    async def beat() -> None:
        nonlocal whole
        begun.set()
        await may_end.wait()
        whole = True

    async def wait() -> None:
        async with Heartbeat(beat, seconds=0.001):
            await begun.wait()
            asyncio.get_running_loop().call_soon(may_end.set)

    await wait()

    assert whole
