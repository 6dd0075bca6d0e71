"""`keys` and `tokens` against a running system."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.cli.running import Up, run_command

KEY_A, KEY_B, KEY_C = (f"AIzaSyMadeUpForTests-{letter * 12}" for letter in "abc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("admin")


@pytest.fixture(scope="module", autouse=True)
def up(folder: Path) -> Iterator[Up]:
    running = Up(folder)
    running.start()
    try:
        asyncio.run(running.ready())
        yield running
    finally:
        running.send(signal.SIGTERM)
        running.running.wait(12)


class TestKeys:
    def test_are_added_from_any_pasted_text_once(self, folder: Path) -> None:
        pasted = f'API_KEYS=["{KEY_A}",\n  "{KEY_B}"] {KEY_A}'

        done = run_command(
            folder, "keys", "add", "--note", "from ops", "--tag", "team-a", stdin=pasted
        )
        again = run_command(folder, "keys", "add", KEY_A)

        rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert [row[3] for row in rows] == ["added", "added"]
        assert len({row[2] for row in rows}) == 2
        assert "2 added, 0 known already" in done.stderr
        assert "0 added, 1 known already" in again.stderr
        for shown in (done.stdout, done.stderr, again.stdout):
            assert KEY_A not in shown

    def test_of_one_project_are_added_from_a_file(self, folder: Path) -> None:
        path = folder / "keys.txt"
        path.write_text(KEY_C)

        done = run_command(folder, "keys", "add", "--file", str(path), "--project", "shared")

        assert done.stdout.split("\t")[2] == "shared"

    def test_are_listed_without_secrets_and_by_tag(self, folder: Path) -> None:
        run_command(folder, "keys", "add", "--tag", "listed", "AIzaSyMadeUpForTests-listed")

        listed = json.loads(run_command(folder, "keys", "list", "--json").stdout)
        [mine] = json.loads(run_command(folder, "keys", "list", "--tag", "listed", "--json").stdout)

        assert mine in listed
        assert mine["state"] == "active"
        assert mine["alias"].endswith("sted")
        assert len([key for key in listed if key["tags"] == ["demo"]]) == 4

    def test_are_paused_resumed_and_removed(self, folder: Path) -> None:
        added = run_command(folder, "keys", "add", "AIzaSyMadeUpForTests-cycle")
        key_id, alias, _, _ = added.stdout.strip().split("\t")

        assert run_command(folder, "keys", "pause", alias).stderr == f"{alias} is paused\n"
        paused = run_command(folder, "keys", "list", "--state", "paused").stdout
        assert paused.split("\t")[0] == key_id
        assert run_command(folder, "keys", "resume", key_id[:10]).stderr == f"{alias} is in use\n"
        assert run_command(folder, "keys", "list", "--state", "paused").stdout == ""
        assert run_command(folder, "keys", "remove", key_id).stderr == f"{alias} is removed\n"
        assert key_id not in run_command(folder, "keys", "list").stdout

    def test_that_are_unknown_are_one_clear_line(self, folder: Path) -> None:
        done = run_command(folder, "keys", "pause", "k-none")

        assert done.returncode == 1
        assert done.stderr == (
            "gemini-balance: no key is called k-none; `keys list` shows ids and aliases\n"
        )

    def test_adding_none_is_an_error(self, folder: Path) -> None:
        done = run_command(folder, "keys", "add", stdin=" \n")

        assert (done.returncode, done.stderr) == (1, "gemini-balance: no key was given\n")


class TestTokens:
    def test_are_shown_once_and_open_the_front_door_until_revoked(
        self, folder: Path, up: Up
    ) -> None:
        made = run_command(folder, "tokens", "create", "--name", "ci", "--days", "1")
        token = made.stdout.strip()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=up.facts["url"], headers=headers, trust_env=False) as client:
            assert client.get("/v1/models").status_code == 200

            listed = json.loads(run_command(folder, "tokens", "list", "--json").stdout)
            [mine] = [row for row in listed if row["name"] == "ci"]
            assert mine["state"] == "active"
            assert mine["tail"] == f"…{token[-4:]}"
            assert token not in json.dumps(listed)

            revoked = run_command(folder, "tokens", "revoke", mine["token_id"])
            assert revoked.stderr == "ci is revoked\n"

    def test_that_are_unknown_are_one_clear_line(self, folder: Path) -> None:
        done = run_command(folder, "tokens", "revoke", "tnone")

        assert (done.returncode, done.stderr) == (
            1,
            "gemini-balance: no token has the id tnone; `tokens list` shows ids\n",
        )


class TestAccess:
    def test_by_target_and_credential(self, folder: Path, up: Up, tmp_path: Path) -> None:
        env = {
            "KEYPOOL_TARGET": up.facts["keypool_target"],
            "SERVICE_CREDENTIAL": up.facts["admin_credential"],
        }

        assert run_command(tmp_path, "keys", "list", **env).stdout
        refused = run_command(tmp_path, "keys", "list", **(env | {"SERVICE_CREDENTIAL": "wrong"}))
        assert refused.returncode == 1
        assert "does not accept this credential" in refused.stderr
        missing = run_command(tmp_path, "keys", "list", KEYPOOL_TARGET=env["KEYPOOL_TARGET"])
        assert missing.returncode == 2
        assert missing.stderr.startswith("gemini-balance: SERVICE_CREDENTIAL is not set")

    def test_by_data_folder(self, folder: Path, tmp_path: Path) -> None:
        there = run_command(tmp_path, "keys", "list", "--data-dir", str(folder / ".data"))

        assert there.stdout == run_command(folder, "keys", "list").stdout

    def test_where_nothing_runs_is_one_clear_line(self, tmp_path: Path) -> None:
        done = run_command(tmp_path, "keys", "list")

        assert done.returncode == 1
        assert done.stderr.startswith("gemini-balance: nothing runs in .data: ")

    def test_a_pool_that_is_away_is_one_clear_line(self, tmp_path: Path) -> None:
        done = run_command(
            tmp_path, "keys", "list", KEYPOOL_TARGET="127.0.0.1:1", SERVICE_CREDENTIAL="x"
        )

        assert done.returncode == 1
        assert done.stderr.startswith("gemini-balance: the key pool at 127.0.0.1:1 does not answer")
        assert len(done.stderr.splitlines()) == 1
