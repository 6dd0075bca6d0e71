"""`gemini-balance import`: what an installation of gemini-balance holds works here."""

import json
import secrets
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.old_installation import Uploaded, write_database
from tests.support.system import COMMAND, Pool, System, clean_environment
from tests.support.waiting import eventually

MODEL = "gemini-2.5-flash"


def run_import(
    system: System, folder: Path, *options: str, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), "import", *options, "--data-dir", str(system.data_dir)],
        cwd=folder,
        env=clean_environment(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def names() -> dict[str, str]:
    """A key, two clients' tokens and a name for the pool, all new."""
    return {
        "key": f"AIza{secrets.token_hex(16)}",
        "token": f"sk-{secrets.token_hex(16)}",
        "other": f"sk-{secrets.token_hex(16)}",
        "pool": f"moved-{secrets.token_hex(4)}",
    }


async def uploaded(system: System, key: str) -> str:
    """Upload a file straight to the upstream, as the installation has done, and return its name."""
    async with httpx.AsyncClient(base_url=system.simulator_url) as google:
        answer = await google.post(
            "/upload/v1beta/files",
            content=b"moved in with everything",
            headers={
                "x-goog-api-key": key,
                "x-goog-upload-protocol": "raw",
                "content-type": "text/plain",
            },
        )
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["file"]["name"]
    return name


async def test_a_database_is_told_first_and_then_taken(
    system: System, tmp_path: Path, names: dict[str, str]
) -> None:
    system.secrets += [names["key"], names["token"], names["other"]]
    file = await uploaded(system, names["key"])
    url = write_database(
        tmp_path / "default_db",
        {
            "API_KEYS": [names["key"]],
            "ALLOWED_TOKENS": [names["token"], names["other"]],
            "SEARCH_MODELS": ["gemini-2.0-flash-exp"],
            "TIMEZONE": "Asia/Shanghai",
        },
        [Uploaded(file, names["key"], names["token"]), Uploaded("files/old", "x", "y", -1)],
    )
    options = ("--database", url, "--pool", names["pool"])

    told = run_import(system, tmp_path, *options, "--json")
    async with system.client(Pool("", names["token"], [])) as client:
        before = await client.get(f"/v1beta/{file}")
    taken = run_import(system, tmp_path, *options, "--apply")

    assert told.returncode == 0, told.stderr
    assert "nothing was changed" in told.stderr
    rows = {(row["kind"], row["result"]) for row in json.loads(told.stdout)}
    assert rows >= {("key", "take"), ("token", "take"), ("file", "take"), ("file", "leave")}
    assert before.status_code == 401, "telling takes nothing"
    assert taken.returncode == 0, taken.stderr
    for line in ("keys: 1 added", "tokens: 2 added", "files: 1 added"):
        assert line in taken.stderr
    assert (
        (tmp_path / "imported.env")
        .read_text()
        .endswith("SEARCH_MODELS='[\"gemini-2.0-flash-exp\"]'\n")
    )
    written = told.stdout + told.stderr + taken.stdout + taken.stderr
    assert not any(names[secret] in written for secret in ("key", "token", "other"))

    cited = {"fileData": {"fileUri": f"{system.url}/v1beta/{file}", "mimeType": "text/plain"}}
    ask = {"contents": [{"parts": [{"text": "what is it?"}, cited]}]}
    path = f"/v1beta/models/{MODEL}:generateContent"
    async with system.client(Pool("", names["token"], [])) as client:
        # The edge keeps for some seconds that the token was unknown.
        read = await eventually(
            lambda: client.get(f"/v1beta/{file}"), lambda answer: answer.status_code != 401
        )
        used = await client.post(path, json=ask)
    async with system.client(Pool("", names["other"], [])) as stranger:
        refused = await stranger.post(path, json=ask)
    assert read.json().get("name") == file, read.text
    assert used.status_code == 200, used.text
    assert refused.status_code == 403
    async with system.control() as control:
        sent = [call for call in await control.requests() if call.verb == "generateContent"][-1]
    assert sent.key == names["key"]


async def test_taking_it_again_changes_nothing(
    system: System, tmp_path: Path, names: dict[str, str]
) -> None:
    system.secrets += [names["key"], names["token"]]
    (tmp_path / "old.env").write_text(
        f'API_KEYS=["{names["key"]}"]\nALLOWED_TOKENS={names["token"]}\n'
    )
    url = write_database(
        tmp_path / "db", {}, [Uploaded(f"files/{names['pool']}", names["key"], names["token"])]
    )
    options = ("--env", "old.env", "--database", url, "--pool", names["pool"], "--apply")

    first, again = (run_import(system, tmp_path, *options) for _ in range(2))

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    for line in ("keys: 0 added, 1 known", "tokens: 0 added, 1 known", "files: 0 added, 1 known"):
        assert line in again.stderr


async def test_an_old_result_is_not_overwritten(
    system: System, tmp_path: Path, names: dict[str, str]
) -> None:
    (tmp_path / "old.env").write_text(f"API_KEYS={names['key']}\nTEST_MODEL={MODEL}\n")
    (tmp_path / "imported.env").write_text("mine\n")

    done = run_import(system, tmp_path, "--env", "old.env", "--apply")

    assert done.returncode == 1
    assert "imported.env is there already" in done.stderr
    assert (tmp_path / "imported.env").read_text() == "mine\n"
    assert "added" not in done.stderr, "nothing is taken by halves"


async def test_something_must_be_named(system: System, tmp_path: Path) -> None:
    done = run_import(system, tmp_path)

    assert (done.returncode, "give --env FILE" in done.stderr) == (2, True)
