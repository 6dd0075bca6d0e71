"""`egress` and `keys show` against a running system."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.running import Up, run_command

POOL = ("--pool", "roaming")
PROXIES = """
# of the office
http://joe:hunter2word@one.example:3128
socks5://joe:hunter2word@two.example:1080
"""


@pytest.fixture(scope="module")
def folder(up: Up) -> Path:
    return up.folder


def listed(folder: Path) -> list[dict[str, Any]]:
    done = run_command(folder, "egress", "list", *POOL, "--json")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_ways_out_are_declared_listed_changed_and_withdrawn(folder: Path) -> None:
    options = ("--project", "team-a", "--tag", "europe", "--proxy-file", "-")
    done = run_command(folder, "egress", "set", "eu", *options, *POOL, stdin=PROXIES)
    [row] = listed(folder)
    changed = run_command(folder, "egress", "set", "eu", "--tag", "asia", *POOL)
    plain = run_command(folder, "egress", "list", *POOL)
    removed = run_command(folder, "egress", "remove", "eu", *POOL)

    assert done.stderr == "eu has 2 proxies for project team-a, tag europe\n"
    assert row == {
        "egress": "eu",
        "projects": ["team-a"],
        "tags": ["europe"],
        "proxies": ["http://one.example:3128", "socks5://two.example:1080"],
        "avoided": [],
        "declared_in": "command",
    }
    assert changed.stderr == "eu has 2 proxies for project team-a, tag asia\n"
    assert plain.stdout.split("\t")[:3] == ["eu", "team-a", "asia"]
    assert removed.stderr == "eu is removed\n"
    assert listed(folder) == []
    for shown in (done, changed, plain, removed):
        assert "hunter2" not in shown.stdout + shown.stderr


def test_a_key_shows_its_way_out(folder: Path) -> None:
    proxy = ("--proxy", "http://joe:hunter2word@one.example:3128")
    run_command(folder, "egress", "set", "shown", "--tag", "shown", *proxy, *POOL)
    added = run_command(
        folder, "keys", "add", "AIzaSyMadeUpForTests-shown", "--tag", "shown", *POOL
    )
    key_id, alias, *_ = added.stdout.split("\t")

    done = run_command(folder, "keys", "show", alias)
    [row] = json.loads(run_command(folder, "keys", "show", key_id, "--json").stdout)
    [line] = run_command(folder, "explain", "m", *POOL).stdout.splitlines()

    fields = dict(field.split("\t") for field in done.stdout.splitlines())
    assert (fields["key_id"], fields["tags"]) == (key_id, "shown")
    assert (fields["proxy"], fields["egress"]) == ("http://one.example:3128", "shown")
    assert (row["proxy"], row["egress"]) == ("http://one.example:3128", "shown")
    assert line.split("\t")[-1] == "http://one.example:3128 (shown)"
    assert "hunter2" not in done.stdout + line + json.dumps(row)


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("set", "eu"), 2, "give --project, --tag, --proxy or --proxy-file"),
        (("set", "eu", "--proxy-file", "nowhere"), 1, "nowhere cannot be read: "),
        (("set", "eu", "--proxy-file", "-"), 1, "- holds no proxy"),
        (("set", "eu", "--tag", "x"), 1, "the key pool refuses: proxy_urls: "),
        (("set", "eu", "--proxy", "proxy"), 1, "the key pool refuses: proxy_urls[0]: "),
        (("remove", "none"), 1, "the key pool refuses: no such way out"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    folder: Path, arguments: tuple[str, ...], code: int, problem: str
) -> None:
    done = run_command(folder, "egress", *arguments, *POOL)

    assert done.returncode == code
    assert done.stderr.startswith(f"gemini-balance: {problem}")
    assert len(done.stderr.splitlines()) == 1
