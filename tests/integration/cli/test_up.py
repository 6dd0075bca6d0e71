"""The whole system on one machine."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.cli.running import Up, all_gone, run_command
from tests.integration.cli.waiting import until

WITHOUT_EFFECT = (
    "gemini-balance: settings without effect: not needed any more: MAX_FAILURES, TIMEZONE"
)
UNKNOWN = "gemini-balance: unknown settings in .env: API_KEYZ (did you mean API_KEYS?), FOO"

PARTS = {"valkey", "keypool", "files", "edge"}
DEMO_PARTS = PARTS | {"simulator"}


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Up]:
    async with Up(tmp_path) as up:
        yield up


def demo_token(up: Up) -> str:
    token: str = json.loads((up.data_dir / "secrets.json").read_text())["demo_token"]
    return token


async def ask(up: Up, token: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=up.facts["url"], trust_env=False) as client:
        return await client.post(
            "/v1beta/models/gemini-2.5-flash:generateContent",
            headers={"x-goog-api-key": token},
            json={"contents": [{"parts": [{"text": "Say hello."}]}]},
            timeout=20,
        )


def curls(up: Up) -> list[str]:
    """Return the commands as someone would copy them from the screen."""
    blocks = up.out.read_text().split("\n\n")
    return [block for block in blocks if block.startswith("curl ")]


def paste(command: str) -> str:
    """Return what a pasted command prints; where there is no curl, by reading its options."""
    if shutil.which("curl"):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        return done.stdout
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    url, headers, body = "", {}, ""
    for word in words:
        match word:
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case "-sS" | "-sSN":
                continue
            case _:
                url = word
    return httpx.post(url, headers=headers, content=body, timeout=20, trust_env=False).text


class TestDemo:
    async def test_says_so_first_and_its_commands_work_when_pasted(self, demo: Up) -> None:
        assert demo.out.read_text().startswith("DEMO: ")
        answers = [await asyncio.to_thread(paste, command) for command in curls(demo)]

        chat, generate, stream = answers
        assert json.loads(chat)["choices"][0]["message"]["content"]
        assert json.loads(generate)["candidates"][0]["content"]["parts"][0]["text"]
        assert stream.startswith("data: ")
        assert stream.rstrip().endswith("data: [DONE]")

    async def test_keeps_its_keys_and_token_over_a_restart(self, tmp_path: Path) -> None:
        async with Up(tmp_path) as up:
            token = demo_token(up)
            before = json.loads(run_command(tmp_path, "keys", "list", "--json").stdout)
        async with Up(tmp_path) as up:
            after = json.loads(run_command(tmp_path, "keys", "list", "--json").stdout)
            assert demo_token(up) == token
            assert (await ask(up, token)).status_code == 200

        assert [key["key_id"] for key in after] == [key["key_id"] for key in before]
        assert len({key["project"] for key in after}) == len(after) == 4

    async def test_ends_with_the_first_real_key(self, tmp_path: Path) -> None:
        async with Up(tmp_path) as up:
            token = demo_token(up)
            added = run_command(tmp_path, "keys", "add", stdin="AIzaSyRealLookingKey-0123456789")
            assert "restart" in added.stderr
        async with Up(tmp_path) as up:
            keys = json.loads(run_command(tmp_path, "keys", "list", "--json").stdout)
            tokens = json.loads(run_command(tmp_path, "tokens", "list", "--json").stdout)
            assert "DEMO" not in up.out.read_text()
            assert "the demo is over" in up.err.read_text()
            assert set(up.pids) == PARTS
            assert [key["tags"] for key in keys] == [[]]
            assert [t["state"] for t in tokens if "demo" in t["tags"]] == ["revoked"]
            assert (await ask(up, token)).status_code == 401
            key_id = keys[0]["key_id"]
            assert run_command(tmp_path, "keys", "remove", key_id).returncode == 0
        async with Up(tmp_path) as up:
            assert up.out.read_text().startswith("DEMO: ")
            assert demo_token(up) != token
            assert (await ask(up, demo_token(up))).status_code == 200

    async def test_does_not_begin_when_keys_are_set(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(
            'API_KEYS=["AIzaSyFromSettings-0123456789"]\nALLOWED_TOKENS=["sk-client-0123456789"]\n'
        )
        async with Up(tmp_path) as up:
            assert up.out.read_text().startswith("Gemini Balance runs at http://127.0.0.1:")
            assert set(up.pids) == PARTS
            removed = run_command(
                tmp_path,
                "keys",
                "remove",
                json.loads(run_command(tmp_path, "keys", "list", "--json").stdout)[0]["key_id"],
            )
            assert "also remove it from the settings" in removed.stderr


class TestLifeCycle:
    async def test_a_killed_part_comes_back_and_requests_work_again(self, demo: Up) -> None:
        token = demo_token(demo)
        for part in sorted(DEMO_PARTS):
            old = demo.pids[part]
            os.kill(old, signal.SIGKILL)
            await demo.back(part, old)

            async def works() -> bool:
                try:
                    return (await ask(demo, token)).status_code == 200
                except httpx.TransportError:
                    return False

            async with asyncio.timeout(20):
                while not await works():
                    await asyncio.sleep(0.1)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    async def test_a_signal_stops_everything_within_ten_seconds(
        self, tmp_path: Path, number: signal.Signals
    ) -> None:
        up = Up(tmp_path)
        async with up:
            facts = up.facts
            assert set(facts["pids"]) == DEMO_PARTS
            up.send(number)

            assert await up.ended(seconds=10) == 0
            await all_gone(facts["pids"], seconds=0.1)
        assert not (up.data_dir / "run.json").exists()
        for target in (facts["url"], *facts["ops_urls"].values()):
            assert not listens(int(target.rpartition(":")[2]))

    async def test_a_signal_during_the_start_stops_everything(self, tmp_path: Path) -> None:
        up = Up(tmp_path)
        up.start()
        await until((up.data_dir / "valkey" / "appendonlydir").exists)

        up.send(signal.SIGTERM)

        assert await up.ended(seconds=10) == 0
        assert not up.out.read_text()
        await until(lambda: not held(up.data_dir / "parts.lock"), seconds=1)

    async def test_a_killed_up_leaves_no_orphan_and_the_next_goes_on(self, tmp_path: Path) -> None:
        up = Up(tmp_path)
        up.start()
        await up.ready()
        pids = up.pids
        keys = run_command(tmp_path, "keys", "list").stdout

        up.send(signal.SIGKILL)

        await up.ended()
        async with Up(tmp_path):
            assert run_command(tmp_path, "keys", "list").stdout == keys
        await all_gone(pids)

    async def test_two_live_side_by_side_but_not_in_one_folder(
        self, demo: Up, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        async with Up(tmp_path_factory.mktemp("other")) as other:
            assert (await ask(demo, demo_token(demo))).status_code == 200
            assert (await ask(other, demo_token(other))).status_code == 200
            assert (await ask(other, demo_token(demo))).status_code == 401

        second = run_command(demo.folder, "up", "--port", "0")
        assert second.returncode == 1
        assert "another `gemini-balance up` runs in" in second.stderr
        assert len(second.stderr.splitlines()) == 1


class TestFiles:
    async def test_everything_in_the_data_folder_is_private(self, demo: Up) -> None:
        assert stat.S_IMODE(demo.data_dir.stat().st_mode) == 0o700
        for name in ("run.json", "secrets.json", "valkey/valkey.conf", "up.lock", "parts.lock"):
            assert stat.S_IMODE((demo.data_dir / name).stat().st_mode) == 0o600, name

    async def test_no_secret_stands_on_a_command_line_or_on_the_screen(self, demo: Up) -> None:
        secrets = json.loads((demo.data_dir / "secrets.json").read_text())
        conf = (demo.data_dir / "valkey" / "valkey.conf").read_text()
        password = conf.partition("requirepass ")[2].split()[0]
        hidden = [password, *(secrets[name] for name in ("encryption_key", "auth_token", "edge"))]
        seen = demo.out.read_text() + demo.err.read_text()
        seen += "".join(command_line(pid) for pid in demo.pids.values())

        assert not [secret for secret in hidden if secret in seen]


class TestKeptBytes:
    CONTENT = b"bytes that nobody reads but Google"

    async def kept_in(self, folder: Path, up: Up) -> list[bytes]:
        """Upload a file and return what is then kept in a folder."""
        async with httpx.AsyncClient(base_url=up.facts["url"], trust_env=False) as client:
            answer = await client.post(
                "/upload/v1beta/files",
                headers={"x-goog-api-key": demo_token(up), "x-goog-upload-protocol": "raw"},
                content=self.CONTENT,
                timeout=20,
            )
        assert answer.status_code == 200, answer.text
        return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]

    async def test_lie_sealed_below_the_data_folder(self, demo: Up) -> None:
        [kept] = await self.kept_in(demo.data_dir / "kept", demo)

        assert len(kept) > len(self.CONTENT)
        assert self.CONTENT[:10] not in kept

    async def test_are_not_kept_when_the_setting_is_empty(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("FILES_STORE_URL=\n")
        async with Up(tmp_path) as up:
            assert await self.kept_in(up.data_dir / "kept", up) == []
            assert not (up.data_dir / "kept").exists()

    async def test_lie_where_the_operator_says(self, tmp_path: Path) -> None:
        folder = tmp_path / "elsewhere"
        async with Up(tmp_path, FILES_STORE_URL=folder.as_uri()) as up:
            assert len(await self.kept_in(folder, up)) == 1
            assert not (up.data_dir / "kept").exists()


class TestRefusals:
    def test_a_taken_port_is_one_line_before_anything_starts(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            done = run_command(tmp_path, "up", "--port", str(port))

        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            f"gemini-balance: HTTP_PORT: port {port} of 127.0.0.1 is taken; choose another one"
        ]
        assert not (tmp_path / ".data" / "valkey").exists()

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("OPS_PORT=abc", "OPS_PORT: "),
            ("LOG_LEVEL=loud", "LOG_LEVEL: "),
            ("KEYPOOL_LISTEN=nowhere", "KEYPOOL_LISTEN: "),
            ("SERVICE_CREDENTIALS=[1]", "SERVICE_CREDENTIALS: "),
            ("REDIS_URL=http://store", "REDIS_URL: "),
            ("MAX_RETRIES=many", "MAX_RETRIES: "),
            ("FILES_STORE_URL=kept", "FILES_STORE_URL: "),
            ("FILES_STORE_URL=file:///dev/null/kept", "FILES_STORE_URL: cannot be used: "),
        ],
    )
    def test_a_bad_value_is_one_line_of_each_part_that_reads_it_and_exit_code_2(
        self, tmp_path: Path, line: str, said: str
    ) -> None:
        (tmp_path / ".env").write_text(f"{line}\n")

        done = run_command(tmp_path, "up", "--port", "0")

        errors = [text for text in done.stderr.splitlines() if text.startswith("gemini-balance")]
        assert done.returncode == 2
        assert errors
        assert len(errors) == len({text.split(": ")[0] for text in errors})
        assert all(said in text for text in errors)

    def test_a_store_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        done = run_command(tmp_path, "up", "--port", "0", REDIS_URL="redis://:hidden@127.0.0.1:1/0")

        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert line.startswith("gemini-balance: REDIS_URL: the store gives no answer")
        assert "hidden" not in line

    def test_a_damaged_store_is_one_line_that_names_its_log(self, tmp_path: Path) -> None:
        folder = tmp_path / ".data" / "valkey" / "appendonlydir"
        folder.mkdir(parents=True)
        (folder / "appendonly.aof.manifest").write_text("not a manifest\n")

        done = run_command(tmp_path, "up", "--port", "0")

        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("; see " + str(folder.parent / "valkey.log"))

    def test_warnings_are_one_line_each(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(
            "TIMEZONE=Asia/Shanghai\nMAX_FAILURES=3\nAPI_KEYZ=x\nFOO=1\n"
        )

        with socket.create_server(("127.0.0.1", 0)) as server:
            done = run_command(tmp_path, "up", "--port", str(server.getsockname()[1]))
        assert done.stderr.splitlines()[:2] == [WITHOUT_EFFECT, UNKNOWN]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def held(lock: Path) -> bool:
    """Return whether any process holds a lock file open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == lock:
                return True
        except OSError:
            continue
    return False
