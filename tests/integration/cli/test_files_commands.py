"""`gemini-balance files` against a running system, as its users run it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.simulator.control import SimulatorControl
from tests.integration.cli.running import Up, run_command
from tests.integration.cli.terminal import CTRL_C, Terminal
from tests.support.samples import write_sample
from tests.support.waiting import eventually

GRANULE = 8 * 1024 * 1024


@pytest.fixture
async def google(up: Up) -> AsyncIterator[SimulatorControl]:
    """What the demo takes for Google."""
    address = re.search(r"simulator\W+(http://[\d.:]+)", up.out.read_text())
    assert address
    async with SimulatorControl(address[1]) as control:
        yield control
        await control.clear_faults()


def in_json(folder: Path, *arguments: str) -> Any:
    done = run_command(folder, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_the_life_of_files(up: Up, google: SimulatorControl) -> None:
    (up.folder / "empty.txt").touch()
    digest = write_sample(up.folder / "notes [1].txt", 100_000)

    done = run_command(up.folder, "files", "upload", "notes [1].txt", "empty.txt")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [uri.rpartition("/files/")[2] for _, uri in lines] == [
        name.removeprefix("files/") for name, _ in lines
    ]
    (notes, address), (empty, _) = lines
    assert await google.file_sha256(notes) == digest

    shown = in_json(up.folder, "files", "show", address)
    assert shown[0]["display_name"] == "notes [1].txt"
    assert shown[0]["mime_type"] == "text/plain"
    assert shown[0]["size_bytes"] == 100_000
    assert shown[0]["state"] == "ACTIVE"
    listed = [row["name"] for row in in_json(up.folder, "files", "list")]
    assert listed[:2] == [empty, notes]

    missing = run_command(up.folder, "files", "delete", notes, "files/nobody-has-it")
    assert missing.returncode == 1
    assert "nobody-has-it" in missing.stderr
    deleted = run_command(up.folder, "files", "delete", notes, empty)
    assert deleted.returncode == 0, deleted.stderr
    assert deleted.stderr == f"{notes} is deleted\n{empty} is deleted\n"
    assert not {notes, empty} & {row["name"] for row in in_json(up.folder, "files", "list")}


def test_names_and_types_can_be_given(up: Up) -> None:
    (up.folder / "talk").write_bytes(b"not what it says")

    [row] = in_json(
        up.folder, "files", "upload", "talk", "--name", "全员 talk", "--mime-type", "video/mp4"
    )

    assert row["display_name"] == "全员 talk"
    assert row["mime_type"] == "video/mp4"


def test_a_token_of_ones_own_sees_its_own_files(up: Up) -> None:
    (up.folder / "mine.txt").write_text("mine")
    made = run_command(up.folder, "tokens", "create", "--name", "mine")
    token = made.stdout.strip()

    in_json(up.folder, "files", "upload", "mine.txt", "--token", token)

    done = run_command(up.folder, "files", "list", GEMINI_BALANCE_TOKEN=token)
    assert len(done.stdout.splitlines()) == 1


def test_what_is_done_is_told_whatever_becomes_of_the_rest(up: Up) -> None:
    (up.folder / "small.txt").write_text("small")
    with (up.folder / "large.bin").open("wb") as file:
        file.truncate(3 * 1024**3)

    done = run_command(up.folder, "files", "upload", "small.txt", "large.bin")

    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert re.search(r"large\.bin: .* refuses: File size exceeds the limit", done.stderr)
    assert len(done.stderr.splitlines()) == 1
    assert list((up.data_dir / "uploads").iterdir()) == []


def test_a_wrong_token_and_a_wrong_address_are_one_line(up: Up) -> None:
    refused = run_command(up.folder, "files", "list", "--token", "sk-nobody")
    silent = run_command(
        up.folder, "files", "list", "--url", "http://127.0.0.1:1", "--token", "sk-x"
    )

    assert refused.returncode == silent.returncode == 1
    assert "does not accept this token" in refused.stderr
    assert "sk-nobody" not in refused.stderr
    assert "does not answer" in silent.stderr
    assert len((refused.stderr + silent.stderr).splitlines()) == 2


async def test_after_ctrl_c_the_same_command_sends_only_the_rest(
    up: Up, google: SimulatorControl
) -> None:
    digest = write_sample(up.folder / "long.txt", 3 * GRANULE + 5)
    await google.add_fault("delay", verb="upload.finalize", delay_seconds=600)
    terminal = Terminal(up.folder, "files", "upload", "long.txt")

    async def is_at_its_end() -> bool:
        await terminal.shows("long.txt")
        return any(fault["hits"] for fault in await google.faults())

    await eventually(is_at_its_end, bool, seconds=60)
    terminal.press(CTRL_C)
    assert await terminal.ended(seconds=60) == 130
    assert "24.0/24.0 MiB" in terminal.shown
    assert "long.txt is not complete; the same command goes on" in terminal.shown
    assert "Traceback" not in terminal.shown
    [note] = (up.data_dir / "uploads").iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    before = max(request.number for request in await google.requests())

    again = Terminal(up.folder, "files", "upload", "long.txt")

    await again.shows("files/")
    assert await again.ended(seconds=60) == 0
    [name] = set(re.findall(r"files/[a-z0-9-]+", again.shown))
    assert await google.file_sha256(name) == digest
    sent = [request for request in await google.requests() if request.number > before]
    # At most the last five bytes, which had not been acknowledged.
    assert sum(request.body_bytes for request in sent if "upload" in request.verb) <= 5
    assert list((up.data_dir / "uploads").iterdir()) == []
