"""`keys` and `tokens` against a running system."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.cli.running import Up, run_command

KEY_A, KEY_B, KEY_C = (f"AIzaSyMadeUpForTests-{letter * 12}" for letter in "abc")


@pytest.fixture
def folder(up: Up) -> Path:
    return up.folder


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

    def test_that_cannot_be_keys_keep_all_others_out(self, folder: Path) -> None:
        pasted = "AIzaSyMadeUpForTests-good short AIzaSyMadeUpForTests-ümlaut"

        done = run_command(folder, "keys", "add", stdin=pasted)

        assert done.returncode == 1
        assert done.stderr.startswith(
            "gemini-balance: 2 of 3 cannot be keys, the first is number 2"
        )
        assert "short " not in done.stderr
        assert "good" not in run_command(folder, "keys", "list").stdout

    def test_come_by_the_thousand_and_each_once(self, folder: Path) -> None:
        keys = [f"AQ.MadeUp{number:024d}" for number in range(2_500)]
        pool = ("--pool", "thousands")

        done = run_command(folder, "keys", "add", *pool, stdin="\n".join(keys + keys[:70]))
        again = run_command(folder, "keys", "add", *pool, stdin=", ".join(keys[:9]))

        assert "2500 added, 0 known already" in done.stderr
        assert len(done.stdout.splitlines()) == 2_500
        assert "0 added, 9 known already" in again.stderr

    def test_carry_what_they_were_added_with(self, folder: Path) -> None:
        options = ("--pool", "eu", "--project", "p", "--weight", "3", "--priority", "2")
        proxy = ("--proxy", "http://user:secret-word@proxy.example:3128")
        run_command(
            folder,
            "keys",
            "add",
            "AIzaSyMadeUpForTests-carry",
            *options,
            *proxy,
            "--max-in-flight",
            "5",
        )

        [key] = json.loads(run_command(folder, "keys", "list", "--pool", "eu", "--json").stdout)

        told = {name: key[name] for name in ("project", "weight", "priority", "max_in_flight")}
        assert told == {"project": "p", "weight": 3, "priority": 2, "max_in_flight": 5}
        assert key["proxy"] == "http://proxy.example:3128"

    def test_are_changed_together(self, folder: Path) -> None:
        secrets = [f"AIzaSyMadeUpForTests-together{number}" for number in range(3)]
        new = run_command(folder, "keys", "add", *secrets, "--tag", "crew", "--project", "old")
        first, *_ = (line.split("\t")[0] for line in new.stdout.splitlines())

        tagged = run_command(folder, "keys", "tag", "--tag", "crew", "--add", "b", "--add", "crew")
        untagged = run_command(folder, "keys", "tag", first, "--drop", "crew", "--drop", "none")
        run_command(folder, "keys", "note", "night shift", "--tag", "crew")
        changes = ("--project", "new", "--weight", "7", "--priority", "-1")
        run_command(folder, "keys", "set", "--tag", "crew", *changes)
        paused = run_command(folder, "keys", "pause", "--tag", "crew")

        found = json.loads(run_command(folder, "keys", "list", "--tag", "b", "--json").stdout)
        by_id = {key["key_id"]: key for key in found}
        assert tagged.stderr == "3 keys are tagged\n"
        assert untagged.stderr == f"{by_id[first]['alias']} is tagged\n"
        assert paused.stderr == "2 keys are paused\n"
        changed = [key for key in found if key["tags"] == ["crew", "b"]]
        assert by_id[first]["tags"] == ["b"]
        assert (by_id[first]["note"], by_id[first]["project"]) == ("", "old")
        told = {(key["note"], key["project"], key["weight"], key["state"]) for key in changed}
        assert told == {("night shift", "new", 7, "paused")}
        assert run_command(folder, "keys", "remove", first).stderr.endswith("is removed\n")
        assert run_command(folder, "keys", "remove", "--tag", "b").stderr == "2 keys are removed\n"
        again = run_command(folder, "keys", "remove", "--tag", "b")
        assert (again.returncode, again.stderr) == (1, "gemini-balance: no key has the tag b\n")

    def test_that_would_have_too_many_tags_are_told(self, folder: Path) -> None:
        new = run_command(folder, "keys", "add", "AIzaSyMadeUpForTests-many-tags")
        key_id, alias, *_ = new.stdout.split("\t")
        options = [word for number in range(32) for word in ("--add", f"t{number}")]
        run_command(folder, "keys", "tag", key_id, *options)

        done = run_command(folder, "keys", "tag", alias, "--add", "one-more")

        assert done.returncode == 1
        assert done.stderr == (
            "gemini-balance: 1 keys stay as they were, gone by now or with too many tags: "
            f"{key_id}\n"
        )

    def test_are_exported_without_secrets(self, folder: Path) -> None:
        run_command(folder, "keys", "add", "--tag", "out", "AIzaSyMadeUpForTests-export")

        heading, line = run_command(folder, "keys", "export", "--tag", "out").stdout.splitlines()
        [row] = json.loads(run_command(folder, "keys", "export", "--tag", "out", "--json").stdout)

        fields = dict(zip(heading.split("\t"), line.split("\t"), strict=True))
        assert fields["alias"] == row["alias"]
        assert fields["created"] == row["created"]
        assert set(fields) == set(row)
        assert "MadeUpForTests" not in line

    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            (("pause",), "name either keys or --tag"),
            (("pause", "k1", "--tag", "x"), "name either keys or --tag"),
            (("verify", "--all", "--tag", "x"), "name either keys, --tag or --all"),
            (("tag", "k1"), "give --add or --drop"),
            (("set", "k1"), "nothing to set was given"),
            (("list", "--state", "tired"), "no such state: tired"),
            (("add", "k1", "--file", "/dev/null"), ""),
        ],
    )
    def test_that_are_not_told_well_are_one_clear_line(
        self, folder: Path, arguments: tuple[str, ...], problem: str
    ) -> None:
        done = run_command(folder, "keys", *arguments)

        assert done.returncode == 2
        if problem:
            assert done.stderr == f"gemini-balance: {problem}\n"

    def test_are_verified_without_harm_to_good_ones(self, folder: Path) -> None:
        demo = json.loads(run_command(folder, "keys", "list", "--tag", "demo", "--json").stdout)
        good = demo[0]["key_id"]

        done = run_command(folder, "keys", "verify", good, demo[1]["alias"])

        assert done.returncode == 0
        assert done.stderr == "all 2 keys are accepted\n"
        assert [line.split("\t")[2] for line in done.stdout.splitlines()] == ["yes", "yes"]

    def test_that_the_upstream_refuses_are_told_and_fail_the_command(
        self, folder: Path, up: Up
    ) -> None:
        added = run_command(folder, "keys", "add", "AIzaSyMadeUpForTests-refused")
        key_id = added.stdout.split("\t")[0]
        order = {"key": "AIzaSyMadeUpForTests-refused", "state": "invalid"}
        httpx.post(f"{up.facts['ops_urls']['simulator']}/_sim/keys", json=order, trust_env=False)

        done = run_command(folder, "keys", "verify", key_id, "--json")

        [row] = json.loads(done.stdout)
        assert (row["valid"], row["state"]) == (False, "dead")
        assert (done.returncode, done.stderr) == (
            1,
            "gemini-balance: 1 of 1 keys are not accepted\n",
        )

    def test_are_sealed_anew(self, folder: Path) -> None:
        (folder / "old.key").write_text("an earlier key-encryption key\n")

        done = run_command(folder, "keys", "rekey", "--old-key-file", "old.key")

        assert done.returncode == 0
        assert done.stderr.startswith("0 sealed anew, ")
        missing = run_command(folder, "keys", "rekey", "--old-key-file", "nowhere")
        assert missing.stderr.startswith("gemini-balance: nowhere cannot be read: ")


class TestTokens:
    def test_are_shown_once_and_open_the_front_door_until_revoked(
        self, folder: Path, up: Up
    ) -> None:
        made = run_command(folder, "tokens", "create", "--name", "ci", "--expires", "1d")
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

    def test_carry_limits_that_hold_at_once(self, folder: Path, up: Up) -> None:
        limits = ("--rpm", "50", "--rpd", "1", "--tpd", "9000")
        scope = ("--model", "gemini-*", "--scope", "models", "--tag", "ci")
        made_now = run_command(folder, "tokens", "create", "--name", "few", *limits, *scope)
        token = made_now.stdout.strip()
        [made] = [row for row in tokens_of(folder) if row["name"] == "few"]
        chat = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}

        with httpx.Client(base_url=up.facts["url"], trust_env=False) as client:
            headers = {"authorization": f"Bearer {token}"}
            path = "/v1/chat/completions"
            first = client.post(path, headers=headers, json=chat)
            second = client.post(path, headers=headers, json=chat)

        assert made["limits"] == ["rpm=50", "rpd=1", "tpd=9000"]
        assert (made["models"], made["scopes"], made["tags"]) == (["gemini-*"], ["models"], ["ci"])
        assert made["expires"] == ""
        assert (first.status_code, second.status_code) == (200, 429)

    def test_are_updated_in_part(self, folder: Path) -> None:
        run_command(folder, "tokens", "create", "--name", "part", "--rpm", "5", "--model", "m-*")
        [made] = [row for row in tokens_of(folder) if row["name"] == "part"]

        options = ("--rpd", "70", "--all-models", "--scope", "files", "--expires", "2099-01-01T00Z")
        done = run_command(folder, "tokens", "update", made["token_id"][:9], *options)

        [changed] = [row for row in tokens_of(folder) if row["name"] == "part"]
        assert done.stderr == "part is changed\n"
        assert changed["limits"] == ["rpm=5", "rpd=70"]
        assert (changed["models"], changed["scopes"]) == ([], ["files"])
        assert changed["expires"] == "2099-01-01T00:00:00+00:00"
        nothing = run_command(folder, "tokens", "update", made["token_id"])
        assert (nothing.returncode, nothing.stderr) == (
            2,
            "gemini-balance: nothing to change was given\n",
        )

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


def tokens_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run_command(folder, "tokens", "list", "--json").stdout)
    return rows
