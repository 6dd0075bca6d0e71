"""How long a writer is heard, on a clock that jumps."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.files.errors import ServiceEndsError, WriterSilentError
from services.files.listening import Ear, Listening
from tests.support.virtual_time import run_virtually

FRAMES = [b"one", b"two", b"three"]


async def spoken(*pauses: float) -> AsyncIterator[bytes]:
    """Yield frames after so many seconds each, then nothing for ever."""
    for pause, frame in zip(pauses, FRAMES, strict=False):
        await asyncio.sleep(pause)
        yield frame
    await asyncio.sleep(10_000)


def patient() -> Listening:
    return Listening(idle_seconds=50, end_seconds=5)


async def heard(ear: Ear, frames: AsyncIterator[bytes], *, at_boundary: bool) -> list[bytes]:
    """Return all frames up to the last of `FRAMES`."""
    return [
        frame
        for _ in FRAMES
        if (frame := await ear.hear(frames, at_boundary=at_boundary)) is not None
    ]


def now() -> float:
    return asyncio.get_running_loop().time()


def test_each_frame_begins_the_patience_anew() -> None:
    async def main() -> None:
        with patient().ear() as ear:
            assert await heard(ear, spoken(40, 49, 30), at_boundary=False) == FRAMES

    run_virtually(main())


def test_a_silent_writer_is_cut_off_after_its_last_frame() -> None:
    async def main() -> None:
        frames = spoken(40, 10)
        with patient().ear() as ear, pytest.raises(WriterSilentError):
            await heard(ear, frames, at_boundary=False)

        assert now() == pytest.approx(100)

    run_virtually(main())


def test_the_time_that_its_bytes_take_is_no_silence() -> None:
    async def main() -> None:
        frames = spoken(1, 1)
        with patient().ear() as ear:
            await ear.hear(frames, at_boundary=False)
            await asyncio.sleep(70)
            assert await ear.hear(frames, at_boundary=False) == FRAMES[1]

    run_virtually(main())


@pytest.mark.parametrize(("at_boundary", "at"), [(True, 10), (False, 15)])
def test_the_end_of_the_service_lets_a_writer_come_to_a_boundary(
    at_boundary: bool, at: float
) -> None:
    async def main() -> None:
        listening = patient()
        asyncio.get_running_loop().call_later(10, listening.end)
        with listening.ear() as ear, pytest.raises(ServiceEndsError):
            await ear.hear(spoken(30), at_boundary=at_boundary)

        assert now() == pytest.approx(at)

    run_virtually(main())


@pytest.mark.parametrize(("at_boundary", "seconds"), [(True, 0), (False, 5)])
def test_what_comes_after_the_end_is_not_heard(at_boundary: bool, seconds: float) -> None:
    async def main() -> None:
        listening = patient()
        frames = spoken(0, 0, 0)
        with listening.ear() as ear:
            listening.end()
            await asyncio.sleep(seconds)
            with pytest.raises(ServiceEndsError):
                await ear.hear(frames, at_boundary=at_boundary)

        # Nothing of it stays with the task.
        await asyncio.sleep(60)

    run_virtually(main())


def test_a_writer_in_the_middle_of_a_granule_is_heard_after_the_end() -> None:
    async def main() -> None:
        listening = patient()
        with listening.ear() as ear:
            listening.end()
            assert await ear.hear(spoken(3), at_boundary=False) == FRAMES[0]

    run_virtually(main())


@pytest.mark.parametrize("is_silent_too", [False, True])
def test_a_call_that_is_cancelled_is_cancelled(is_silent_too: bool) -> None:
    async def main() -> None:
        listening = patient()

        async def hear() -> None:
            with listening.ear() as ear:
                await ear.hear(spoken(), at_boundary=True)

        task = asyncio.create_task(hear())
        await asyncio.sleep(10)
        if is_silent_too:
            listening.end()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtually(main())


def test_a_cut_writer_can_be_told_so_in_peace() -> None:
    async def main() -> None:
        with patient().ear() as ear:
            with pytest.raises(WriterSilentError):
                await ear.hear(spoken(), at_boundary=True)
            await asyncio.sleep(1_000)

    run_virtually(main())
