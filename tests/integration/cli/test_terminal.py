"""`up` on a terminal."""

import asyncio
import json
import re
from pathlib import Path

from tests.integration.cli.running import Up, all_gone
from tests.integration.cli.terminal import CTRL_C, Terminal


async def test_ctrl_c_stops_everything_in_order_and_the_screen_stays_readable(
    tmp_path: Path,
) -> None:
    terminal = Terminal(tmp_path, "up", "--port", "0", "--ops-port", "0")
    await terminal.shows("Ctrl-C stops everything.")
    pids = json.loads((tmp_path / ".data" / "run.json").read_text())["pids"]
    secrets = json.loads((tmp_path / ".data" / "secrets.json").read_text())

    # Nothing but the first screen, whose first line names the demo.
    assert terminal.shown.startswith("DEMO: ")
    assert '"event"' not in terminal.shown
    assert len(terminal.shown.splitlines()) < 50
    assert secrets["auth_token"] in terminal.shown
    assert secrets["encryption_key"] not in terminal.shown

    terminal.press(CTRL_C)

    assert await terminal.ended(seconds=10) == 0
    await all_gone(pids, seconds=0.1)
    assert terminal.shown.count("stopping") == 1
    assert "Traceback" not in terminal.shown
    assert "starting it again" not in terminal.shown


async def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DRAIN_SECONDS=300\n")
    terminal = Terminal(tmp_path, "up", "--port", "0", "--ops-port", "0")
    await terminal.shows("Ctrl-C stops everything.")
    facts = json.loads((tmp_path / ".data" / "run.json").read_text())
    token = json.loads((tmp_path / ".data" / "secrets.json").read_text())["demo_token"]
    host, port = facts["url"].removeprefix("http://").split(":")
    # A request that never comes to its end keeps the edge from ending.
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
        b"authorization: Bearer %s\r\ncontent-type: application/json\r\n\r\n{" % token.encode()
    )
    await writer.drain()

    terminal.press(CTRL_C)
    await terminal.shows("stopping")
    terminal.press(CTRL_C)

    assert await terminal.ended(seconds=10) == 130
    await all_gone(facts["pids"], seconds=0.1)
    writer.close()
    await reader.read()


async def test_a_long_import_shows_how_far_it_is_and_no_endless_table(up: Up) -> None:
    keys = "\n".join(f"AIzaSyMadeUpForTests-bar{number:016d}" for number in range(3_000))
    (up.folder / "many.txt").write_text(keys)

    options = ("--pool", "bar", "--tag", "bar")
    terminal = Terminal(up.folder, "keys", "add", "--file", "many.txt", *options)

    await terminal.shows("3000 added, 0 known already")
    assert await terminal.ended(seconds=60) == 0
    assert "adding keys" in terminal.shown
    assert "3000/3000" in terminal.shown
    assert "…" not in terminal.shown

    removal = Terminal(up.folder, "keys", "remove", "--tag", "bar")

    await removal.shows("3000 keys are removed")
    assert await removal.ended(seconds=60) == 0
    assert "removing" in removal.shown
    # Looked at are those of others as well; how many there are is learned on the way.
    looked_at = [int(count) for count in re.findall(r"(?<!\d)(\d+)/\1(?!\d)", removal.shown)]
    assert max(looked_at, default=0) >= 3000


async def test_what_stands_in_the_way_is_a_table_with_bars(up: Up) -> None:
    terminal = Terminal(up.folder, "explain", "gemini-2.5-flash")

    await terminal.shows("projects can be used now")
    assert await terminal.ended(seconds=10) == 0
    assert "usable" in terminal.shown
    assert "forecast" in terminal.shown
