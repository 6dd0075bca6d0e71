"""Bodies given to a sink in the step in which they arrive, over real sockets."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from services.kit.http1.reply import ExchangeError
from tests.integration.kit.test_http1 import CHUNKED, client_of, post
from tests.support.raw_server import RawServer, Reader, Script, Writer, raw_server, read_request

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


@dataclass
class Basket:
    """A sink that is busy after each piece if it is told to.

    Attributes:
        busy: Whether the next piece must wait.
        pieces: What was taken.
        tasks: In which task each piece was taken, None outside of any.
        free: Ends the waiting.
    """

    busy: bool = False
    pieces: list[bytes] = field(default_factory=list)
    tasks: list[asyncio.Task[None] | None] = field(default_factory=list)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, piece: bytes) -> bool:
        self.pieces.append(piece)
        self.tasks.append(asyncio.current_task())
        return not self.busy

    async def ready(self) -> None:
        await self.free.wait()


def telling(
    head: bytes, pieces: list[bytes], taken: Callable[[], int], *, closes: bool = False
) -> Callable[[RawServer], Script]:
    """Return a script that sends each piece of an answer once the one before was taken."""

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            await read_request(reader)
            writer.write(head)
            for number, piece in enumerate(pieces):
                while taken() < number:
                    await asyncio.sleep(0.001)
                writer.write(piece)
                await writer.drain()
            if not closes:
                await reader.read()
                server.left.set()

        return script

    return bind


@pytest.mark.parametrize("busy", [False, True])
async def test_each_piece_is_given_as_it_arrives(busy: bool) -> None:
    basket = Basket(busy=busy)
    basket.free.set()
    script = telling(HEAD % 6, [b"ab", b"cd", b"ef"], lambda: len(basket.pieces))
    async with raw_server(script) as server, client_of(server) as client:
        answer = await post(client)
        await answer.deliver(basket)

        assert basket.pieces == [b"ab", b"cd", b"ef"]
        # No task was woken for what arrived in the middle.
        assert None in basket.tasks[1:-1]


async def test_pieces_that_have_arrived_before_are_given_too() -> None:
    basket = Basket()
    script = telling(CHUNKED, [], lambda: 0)
    async with raw_server(script) as server, client_of(server) as client:
        answer = await post(client)
        first = await answer.read()
        await answer.deliver(basket)

    assert first + b"".join(basket.pieces) == b"abcde"


async def test_a_break_is_told_after_what_has_arrived() -> None:
    basket = Basket()
    script = telling(HEAD % 6, [b"ab", b"cd"], lambda: len(basket.pieces), closes=True)
    async with raw_server(script) as server, client_of(server) as client:
        answer = await post(client)
        with pytest.raises(ExchangeError) as caught:
            await answer.deliver(basket)

    assert caught.value.was_sent
    assert b"".join(basket.pieces) == b"abcd"


async def test_what_a_sink_raises_ends_the_delivery() -> None:
    class Broken(Basket):
        def take(self, piece: bytes) -> bool:
            super().take(piece)
            if len(self.pieces) == 2:
                raise ValueError("no more")
            return True

    basket = Broken()
    pieces = [b"ab", b"cd", b"ef"]
    script = telling(HEAD % 6, pieces, lambda: len(basket.pieces))
    async with raw_server(script) as server, client_of(server) as client:
        answer = await post(client)
        with pytest.raises(ValueError, match="no more"):
            await answer.deliver(basket)
        assert basket.pieces == pieces[:2]
        await answer.close()


@pytest.mark.parametrize("busy", [False, True])
async def test_who_is_cancelled_gets_nothing_more(busy: bool) -> None:
    basket = Basket(busy=busy)
    script = telling(HEAD % 500, [b"ab"], lambda: 0)
    async with raw_server(script) as server, client_of(server) as client:
        answer = await post(client)
        task = asyncio.create_task(answer.deliver(basket))
        while not basket.pieces:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await answer.close()
        await asyncio.wait_for(server.left.wait(), 10)


async def test_a_busy_sink_slows_the_server_down() -> None:
    size = 64 * 1024 * 1024
    sent = 0

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(HEAD % size)
            while sent < size:
                writer.write(b"x" * 65_536)
                sent += 65_536
                await writer.drain()
            await reader.read()

        return script

    basket = Basket(busy=True)
    async with raw_server(bind) as server, client_of(server) as client:
        answer = await post(client)
        delivering = asyncio.create_task(answer.deliver(basket))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < size / 2
        assert len(basket.pieces) == 1

        basket.free.set()
        await delivering
        assert sum(map(len, basket.pieces)) == size
