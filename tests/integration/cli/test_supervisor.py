"""The supervisor with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from services.cli import leash
from services.cli.child import Backoff, ChildSpec, ChildStartError
from services.cli.supervisor import Supervisor
from tests.integration.cli import supervised
from tests.integration.cli.waiting import is_alive, until

STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path('ready').touch()
time.sleep(600)
"""
NOTES_ITS_END = """
import pathlib, signal, sys, time
def end(*_):
    with open('ended', 'a') as file:
        file.write({name!r} + ' ')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path({name!r}).touch()
time.sleep(600)
"""


async def at_once() -> None:
    return


async def never() -> None:
    await asyncio.Event().wait()


def file_appears(path: Path) -> Callable[[], Awaitable[None]]:
    return lambda: until(path.exists)


def spec(
    folder: Path,
    code: str,
    *,
    name: str = "part",
    probe: Callable[[], Awaitable[None]] = at_once,
    stop_seconds: float = 5,
    start_seconds: float = 10,
) -> ChildSpec:
    return ChildSpec(
        name=name,
        command=(sys.executable, "-c", code),
        env=dict(os.environ),
        probe=probe,
        cwd=folder,
        stop_seconds=stop_seconds,
        start_seconds=start_seconds,
    )


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor(backoff=Backoff(first=0.05, longest=0.2))
    yield made
    made.kill()
    await made.stop()


def is_replaced(supervisor: Supervisor, old: int) -> bool:
    return supervisor.pids.get("part", old) != old


async def test_a_killed_part_is_back_within_two_seconds(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(spec(tmp_path, supervised.SLEEPER))

    for _ in range(3):
        before = supervisor.pids["part"]
        os.kill(before, signal.SIGKILL)
        await until(partial(is_replaced, supervisor, before), seconds=2)

    assert is_alive(supervisor.pids["part"])


async def test_each_new_process_is_told(tmp_path: Path) -> None:
    seen: list[dict[str, int]] = []

    def note() -> None:
        seen.append(watched.pids)

    watched = Supervisor(on_change=note)
    await watched.start(spec(tmp_path, supervised.SLEEPER))
    os.kill(watched.pids["part"], signal.SIGKILL)
    await until(lambda: len(seen) == 2)

    await watched.stop()

    assert seen[0] != seen[1]
    assert watched.pids == {}


async def test_parts_end_in_the_opposite_order(supervisor: Supervisor, tmp_path: Path) -> None:
    for name in ("store", "keypool", "edge"):
        code = NOTES_ITS_END.format(name=name)
        await supervisor.start(spec(tmp_path, code, name=name, probe=file_appears(tmp_path / name)))
    pids = supervisor.pids

    await supervisor.stop()

    assert (tmp_path / "ended").read_text().split() == ["edge", "keypool", "store"]
    assert not [pid for pid in pids.values() if is_alive(pid)]


async def test_a_part_that_ignores_the_order_is_killed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    ready = file_appears(tmp_path / "ready")
    await supervisor.start(spec(tmp_path, STUBBORN, probe=ready, stop_seconds=0.2))
    pid = supervisor.pids["part"]

    await supervisor.stop()

    assert not is_alive(pid)


async def test_kill_cuts_an_orderly_stop_short(supervisor: Supervisor, tmp_path: Path) -> None:
    ready = file_appears(tmp_path / "ready")
    await supervisor.start(spec(tmp_path, STUBBORN, probe=ready, stop_seconds=60))
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)

    supervisor.kill()

    await asyncio.wait_for(stopping, 5)
    assert supervisor.pids == {}


async def test_a_part_that_ends_before_it_is_ready_is_not_tried_again(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = "open('starts', 'a').write('x'); raise SystemExit(2)"

    with pytest.raises(ChildStartError, match="part did not start: exit code 2") as caught:
        await supervisor.start(spec(tmp_path, code, probe=never))

    assert caught.value.status == 2
    assert (tmp_path / "starts").read_text() == "x"


async def test_a_part_that_never_gets_ready_is_an_error_in_time(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    hanging = spec(tmp_path, supervised.SLEEPER, probe=never, start_seconds=0.3)

    with pytest.raises(ChildStartError, match=r"part was not ready after 0\.3 s"):
        await supervisor.start(hanging)


async def test_a_program_that_is_not_there_is_one_clear_error(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    missing = ChildSpec("part", ("/nowhere/program",), {}, never, tmp_path, 1)

    with pytest.raises(ChildStartError, match="part did not start"):
        await supervisor.start(missing)


async def test_a_part_that_keeps_ending_is_started_again_more_slowly(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = """
import os, pathlib, time
if os.path.exists('proven'):
    open('starts', 'a').write('x'); raise SystemExit(1)
pathlib.Path('proven').touch()
time.sleep(600)
"""
    await supervisor.start(spec(tmp_path, code, probe=file_appears(tmp_path / "proven")))
    os.kill(supervisor.pids["part"], signal.SIGKILL)

    await until((tmp_path / "starts").exists)
    await until(lambda: len((tmp_path / "starts").read_text()) >= 3)


def test_waits_grow_up_to_the_longest() -> None:
    backoff = Backoff()
    waits = [backoff.delay(failures) for failures in range(12)]

    assert waits[0] <= 0.3
    assert waits == sorted(waits)
    assert waits[-1] == 5


async def test_no_orphan_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", supervised.__name__, str(tmp_path)
    )
    noted = tmp_path / "pids"
    await until(lambda: noted.exists() and len(noted.read_text().split()) == 2)
    pids = [int(pid) for pid in noted.read_text().split()]
    assert all(is_alive(pid) for pid in pids)

    process.kill()

    await process.wait()
    await until(lambda: not any(is_alive(pid) for pid in pids), seconds=5)


async def test_a_part_is_in_a_session_of_its_own(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(spec(tmp_path, supervised.SLEEPER))
    pid = supervisor.pids["part"]

    assert os.getsid(pid) == pid
    assert os.getsid(pid) != os.getsid(0)


def test_a_leash_whose_parent_is_gone_runs_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", leash.__file__, "1", sys.executable, "-c", "open('ran', 'w')"],
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 1
    assert not (tmp_path / "ran").exists()
