"""The lean client against servers that do as they like, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from services.kit.http1.answer import Answer
from services.kit.http1.pool import Http1Client, Timeouts
from services.kit.http1.reply import ExchangeError
from tests.support.raw_server import (
    RawServer,
    Reader,
    Script,
    Writer,
    answering,
    raw_server,
    read_request,
)

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nx-trailer: 1\r\n\r\n"
)
PATIENT = Timeouts(connect=5, silence=5)


@contextlib.asynccontextmanager
async def client_of(server: RawServer, timeouts: Timeouts = PATIENT) -> AsyncIterator[Http1Client]:
    client = Http1Client(f"http://127.0.0.1:{server.port}", timeouts)
    try:
        yield client
    finally:
        await client.aclose()


async def post(client: Http1Client, body: bytes = b"{}") -> Answer:
    return await client.send("POST", b"/v1beta/x?y=1", [(b"x-test", b"1")], body)


async def rest_of(answer: Answer) -> bytes:
    found = b""
    while piece := await answer.read():
        found += piece
    return found


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (OK, 200, b"ok"),
        (
            CHUNKED,
            200,
            b"abcde",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n", 304, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", 429, b""),
    ],
)
async def test_every_way_to_end_an_answer_leaves_the_connection_usable(
    raw: bytes, status: int, body: bytes
) -> None:
    async with raw_server(answering(raw, OK)) as server, client_of(server) as client:
        answer = await post(client)
        assert (answer.status, await rest_of(answer)) == (status, body)
        assert all(name == name.lower() and name != b"link" for name, _ in answer.headers)

        assert await rest_of(await post(client)) == b"ok"
        assert server.connections == 1


async def test_an_answer_may_last_until_the_connection_is_closed() -> None:
    raw = b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nall of it"
    async with (
        raw_server(answering(raw, closes=True)) as server,
        client_of(server) as client,
    ):
        answer = await post(client)
        assert await rest_of(answer) == b"all of it"
        assert await rest_of(await post(client)) == b"all of it"
        assert server.connections == 2


async def test_a_request_goes_out_as_it_is() -> None:
    async with raw_server(answering(OK, OK)) as server, client_of(server) as client:
        await (await post(client, b"body")).close()
        await (await client.send("GET", b"/", [], b"")).close()

    host = b"host: 127.0.0.1:%d\r\n" % server.port
    assert server.requests == [
        b"POST /v1beta/x?y=1 HTTP/1.1\r\n" + host + b"x-test: 1\r\ncontent-length: 4\r\n\r\nbody",
        b"GET / HTTP/1.1\r\n" + host + b"\r\n",
    ]


async def test_requests_at_one_time_have_a_connection_each() -> None:
    go = asyncio.Event()

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            while True:
                server.requests.append(await read_request(reader))
                if len(server.requests) == 5:
                    go.set()
                await go.wait()
                writer.write(OK)

        return script

    async with raw_server(bind) as server, client_of(server) as client:
        answers = await asyncio.gather(*(post(client) for _ in range(5)))
        assert [await rest_of(answer) for answer in answers] == [b"ok"] * 5
        assert server.connections == 5
        for _ in range(5):
            await rest_of(await post(client))
        assert server.connections == 5


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnot asked",
        OK + b"rubbish",
    ],
)
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(raw: bytes) -> None:
    async with raw_server(answering(raw, raw)) as server, client_of(server) as client:
        assert await rest_of(await post(client)) == b"ok"
        assert await rest_of(await post(client)) == b"ok"
        assert server.connections == 2


async def test_a_connection_closed_while_idle_is_not_used() -> None:
    async with raw_server(answering(OK, closes=True)) as server, client_of(server) as client:
        for count in range(1, 4):
            assert await rest_of(await post(client)) == b"ok"
            assert server.connections == count
            # The server's close arrives before the next request is sent.
            while client.idle:
                await asyncio.sleep(0.001)


async def test_nobody_listens() -> None:
    async with raw_server(answering(OK)) as server:
        pass
    async with client_of(server) as client:
        with pytest.raises(ExchangeError) as caught:
            await post(client)
    assert (caught.value.was_sent, caught.value.timed_out) == (False, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nconte",
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 60_000,
    ],
)
async def test_no_head_of_an_answer(raw: bytes) -> None:
    async with (
        raw_server(answering(raw, closes=True)) as server,
        client_of(server) as client,
    ):
        with pytest.raises(ExchangeError) as caught:
            await post(client)
    assert (caught.value.was_sent, caught.value.timed_out) == (True, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_no_answer(raw: bytes) -> None:
    async with (
        raw_server(answering(raw, closes=True)) as server,
        client_of(server) as client,
    ):
        answer = await post(client)
        with pytest.raises(ExchangeError) as caught:
            await rest_of(answer)
    assert (caught.value.was_sent, caught.value.timed_out) == (True, False)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"])
async def test_a_silent_server_is_given_up(raw: bytes) -> None:
    async with (
        raw_server(answering(raw)) as server,
        client_of(server, Timeouts(connect=5, silence=0.2)) as client,
    ):
        with pytest.raises(ExchangeError) as caught:
            await rest_of(await post(client))
        assert (caught.value.was_sent, caught.value.timed_out) == (True, True)
        await asyncio.wait_for(server.left.wait(), 10)


async def test_a_server_that_takes_its_time_to_read_is_not_silent() -> None:
    body = b"x" * (64 * 1024 * 1024)
    whole_seconds, silence = 2.0, 0.7

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            loop = asyncio.get_running_loop()
            begun, seen = loop.time(), 0
            while seen < len(body):
                seen += len(await reader.read(256 * 1024))
                due = begun + whole_seconds * seen / len(body)
                await asyncio.sleep(max(0.0, due - loop.time()))
            writer.write(OK)
            await writer.drain()

        return script

    async with (
        raw_server(bind) as server,
        client_of(server, Timeouts(connect=5, silence=silence)) as client,
    ):
        assert await rest_of(await post(client, body)) == b"ok"


async def test_a_server_that_never_speaks_tls_is_given_up_unsent() -> None:
    async with raw_server(answering()) as server:
        client = Http1Client(f"https://127.0.0.1:{server.port}", Timeouts(connect=0.2, silence=5))
        with pytest.raises(ExchangeError) as caught:
            await post(client)
        await client.aclose()
    assert (caught.value.was_sent, caught.value.timed_out) == (False, True)


async def test_whoever_does_not_read_slows_the_server_down() -> None:
    size = 64 * 1024 * 1024
    sent = 0

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
            while sent < size:
                writer.write(b"x" * 65_536)
                sent += 65_536
                await writer.drain()
            await reader.read()

        return script

    async with raw_server(bind) as server, client_of(server) as client:
        answer = await post(client)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        # What is in the sockets' buffers, and a little in ours.
        assert sent < size / 2

        found = 0
        while piece := await answer.read():
            found += len(piece)
        assert found == size


async def test_who_gives_up_waiting_cancels_the_request() -> None:
    async with raw_server(answering(b"")) as server, client_of(server) as client:
        task = asyncio.create_task(post(client))
        while not server.requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.left.wait(), 10)


async def test_who_stops_reading_cancels_the_request() -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nabc"
    async with raw_server(answering(raw)) as server, client_of(server) as client:
        answer = await post(client)
        assert await answer.read() == b"abc"
        await answer.close()
        await asyncio.wait_for(server.left.wait(), 10)
        with pytest.raises(ExchangeError):
            await answer.read()


async def test_an_early_answer_ends_the_connection_with_the_rest_of_the_request() -> None:
    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
            await writer.drain()
            await server.left.wait()

        return script

    async with raw_server(bind) as server, client_of(server) as client:
        for count in (1, 2):
            answer = await post(client, b"x" * (32 * 1024 * 1024))
            assert (answer.status, await rest_of(answer)) == (413, b"no")
            assert server.connections == count
        server.left.set()


async def test_an_answer_is_the_same_however_it_is_cut() -> None:
    raw = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\ntransfer-encoding: chunked\r\n"
        b"\r\n4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n"
    )

    def bind(server: RawServer) -> Script:
        async def script(reader: Reader, writer: Writer) -> None:
            for cut in range(1, len(raw)):
                await read_request(reader)
                writer.write(raw[:cut])
                await asyncio.sleep(0.001)
                writer.write(raw[cut:])

        return script

    async with raw_server(bind) as server, client_of(server) as client:
        for _ in range(1, len(raw)):
            answer = await post(client)
            assert answer.headers == [(b"a", b"b"), (b"transfer-encoding", b"chunked")]
            assert await rest_of(answer) == b"abcde"
        assert server.connections == 1
