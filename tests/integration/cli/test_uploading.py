"""An upload of the command goes on after whatever breaks, against a simulator."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from services.cli.client_access import ClientAccess
from services.cli.errors import CommandError
from services.cli.public_files import FileJson, PublicFiles
from services.cli.upload_notes import UploadKey, UploadNote, held_note
from services.cli.uploading import CHUNK, Source, Upload
from services.simulator.server import Simulator
from tests.support.samples import write_sample
from tests.support.upstream import upstream

SIZE = 3 * CHUNK + 5
TOKEN = "a-token-of-a-client"


@pytest.fixture
async def server() -> AsyncIterator[Simulator]:
    async with upstream({TOKEN: "project"}) as running:
        yield running


class Uploader:
    """The command, run in a thread again and again for one file."""

    def __init__(self, url: str, folder: Path) -> None:
        self.access = ClientAccess(url, TOKEN, folder / "data", is_local=True)
        self.path = folder / "talk.txt"
        self.sha256 = write_sample(self.path, SIZE)
        self.slept: list[float] = []
        self.sleep: Callable[[float], None] = self.slept.append
        self.shown: list[int] = []

    @property
    def notes(self) -> list[Path]:
        return sorted((self.access.data_dir / "uploads").iterdir())

    async def run(self) -> FileJson:
        return await asyncio.to_thread(self.upload)

    def upload(self) -> FileJson:
        found = self.path.stat()
        source = Source(self.path, found.st_size, found.st_mtime_ns, "talk.txt", "text/plain")
        with PublicFiles(self.access) as api, self.held() as note:
            return Upload(api, source, note, self.shown.append, sleep=self.sleep).run()

    def held(self) -> AbstractContextManager[UploadNote]:
        found = self.path.stat()
        key = UploadKey(
            str(self.path), found.st_size, found.st_mtime_ns, self.access.url, TOKEN, "", ""
        )
        return held_note(self.access.data_dir, key)


@pytest.fixture
def uploader(server: Simulator, tmp_path: Path) -> Uploader:
    return Uploader(server.url, tmp_path)


async def sent(server: Simulator) -> list[tuple[str, int, str]]:
    """Return verb, size and outcome of each request."""
    return [
        (request.verb, request.body_bytes, request.outcome)
        for request in await server.control.requests()
        if request.verb.startswith("upload")
    ]


async def arrived(server: Simulator, file: FileJson) -> str:
    return await server.control.file_sha256(file["name"])


async def test_goes_up_in_chunks_and_leaves_no_note(server: Simulator, uploader: Uploader) -> None:
    file = await uploader.run()

    assert await arrived(server, file) == uploader.sha256
    assert [(verb, size) for verb, size, _ in await sent(server)][1:] == [
        *[("upload.upload", CHUNK)] * 3,
        ("upload.finalize", 5),
    ]
    assert uploader.shown == sorted(uploader.shown)
    assert uploader.shown[-1] == SIZE
    assert uploader.notes == []
    assert uploader.slept == []
    start, *chunks = await server.control.requests()
    assert start.header("x-goog-api-key") == TOKEN
    # Their address alone authorises them, and may lead to another host.
    assert not any(chunk.header("x-goog-api-key") for chunk in chunks)


@pytest.mark.parametrize("size", [0, 1, CHUNK])
async def test_small_and_even_sizes(server: Simulator, uploader: Uploader, size: int) -> None:
    uploader.sha256 = write_sample(uploader.path, size)

    file = await uploader.run()

    assert await arrived(server, file) == uploader.sha256
    assert len(await sent(server)) == 2


async def test_a_connection_that_breaks_costs_no_more_than_its_chunk(
    server: Simulator, uploader: Uploader
) -> None:
    await server.control.add_fault("drop", verb="upload.upload", after_bytes=1_000_000)
    await server.control.add_fault("overloaded", verb="upload.query")
    await server.control.add_fault("drop_answer", verb="upload.finalize")

    file = await uploader.run()

    assert await arrived(server, file) == uploader.sha256
    assert len(uploader.slept) == 3
    finals = [outcome for verb, _, outcome in await sent(server) if verb == "upload.finalize"]
    # The answer to the last chunk was lost; asking for it was enough.
    assert finals == ["dropped"]


async def test_given_up_it_is_remembered_and_the_same_command_goes_on(
    server: Simulator, uploader: Uploader
) -> None:
    await server.control.add_fault("overloaded", verb="upload.finalize", count=None)
    with pytest.raises(CommandError, match=r"overloaded.*the same command goes on"):
        await uploader.run()
    assert len(uploader.slept) == 7
    [note] = uploader.notes
    assert note.stat().st_mode & 0o777 == 0o600
    assert note.parent.stat().st_mode & 0o777 == 0o700
    assert TOKEN not in note.read_text()
    await server.control.clear_faults()
    before = len(await sent(server))

    file = await uploader.run()

    assert await arrived(server, file) == uploader.sha256
    assert [(verb, size) for verb, size, _ in (await sent(server))[before:]] == [
        ("upload.query", 0),
        ("upload.finalize", 5),
    ]
    assert uploader.notes == []


async def test_an_upload_that_the_server_has_lost_begins_anew(
    server: Simulator, uploader: Uploader
) -> None:
    await server.control.add_fault("overloaded", verb="upload.finalize", count=None)
    with pytest.raises(CommandError):
        await uploader.run()
    await server.control.reset()

    file = await uploader.run()

    assert await arrived(server, file) == uploader.sha256
    assert uploader.notes == []


async def test_a_changed_file_is_another_upload(server: Simulator, uploader: Uploader) -> None:
    await server.control.add_fault("overloaded", verb="upload.finalize", count=None)
    with pytest.raises(CommandError):
        await uploader.run()
    await server.control.clear_faults()
    with uploader.path.open("r+b") as file:
        file.write(b"something else")

    changed = await uploader.run()

    digest = hashlib.sha256(uploader.path.read_bytes()).hexdigest()
    assert await arrived(server, changed) == digest


async def test_a_file_that_changes_meanwhile_is_refused(
    server: Simulator, uploader: Uploader
) -> None:
    await server.control.add_fault("overloaded", verb="upload.finalize")

    def grow(_: float) -> None:
        with uploader.path.open("ab") as file:
            file.write(b"more")

    uploader.sleep = grow
    with pytest.raises(CommandError, match="has changed"):
        await uploader.run()
    assert uploader.notes == []


async def test_a_refusal_is_told_at_once_and_nothing_is_remembered(
    server: Simulator, uploader: Uploader
) -> None:
    await server.control.add_fault(
        "custom", verb="upload.start", status=400, body={"error": {"message": "no\nsuch type"}}
    )

    with pytest.raises(CommandError, match=r"refuses: no such type \(400\)"):
        await uploader.run()

    assert uploader.slept == []
    assert uploader.notes == []


async def test_two_commands_do_not_fight_for_one_file(uploader: Uploader) -> None:
    with uploader.held(), pytest.raises(CommandError, match="another command uploads"):
        await uploader.run()

    assert (await uploader.run())["name"]


async def test_a_damaged_note_begins_anew(server: Simulator, uploader: Uploader) -> None:
    with uploader.held() as note:
        note.remember("http://127.0.0.1:1/upload")
    [path] = uploader.notes
    path.write_text('{"upload_url": "http://127.0.')

    file = await uploader.run()

    assert await arrived(server, file) == uploader.sha256


async def test_a_note_older_than_any_upload_is_dropped(uploader: Uploader) -> None:
    with uploader.held() as note:
        note.remember("http://127.0.0.1:1/upload")
    [path] = uploader.notes
    os.utime(path, (0, 0))

    await uploader.run()

    assert uploader.notes == []
