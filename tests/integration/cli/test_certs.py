"""Certificates of one's own: made by a command, and good for services and for commands."""

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from tests.integration.cli.running import run_command
from tests.support.certificates import tls_files, tls_settings
from tests.support.keypool_process import keypool_process
from tests.support.ports import free_port
from tests.support.valkey import redis_url, valkey_server

__all__ = ["redis_url", "valkey_server"]

SERVICES = ("edge", "files", "keypool")
OWN = "spiffe://cluster.local/ns/gemini-balance/sa/keypool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    done = run_command(tmp_path, "certs", "certs", "--days", "30")
    assert done.returncode == 0, done.stderr
    return tmp_path / "certs"


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


async def test_a_key_pool_and_its_commands_know_each_other_by_them(
    folder: Path, redis_url: str, tmp_path: Path
) -> None:
    identities = json.dumps([{"name": "cli", "san": OWN, "scopes": ["admin"]}])
    own = tls_settings(tls_files(folder / "keypool"))
    port = free_port()
    settings = own | {"SERVICE_IDENTITIES": identities, "SERVICE_CREDENTIALS": ""}
    with keypool_process(tmp_path, redis_url, "127.0.0.1", port, settings) as keypool:
        await keypool.ready()
        target = f"127.0.0.1:{port}"

        def keys(**env: str) -> tuple[int, str]:
            done = run_command(tmp_path, "keys", "list", "--json", KEYPOOL_TARGET=target, **env)
            return done.returncode, done.stdout or done.stderr

        assert await asyncio.to_thread(keys, **own) == (0, "[]\n")
        # The edge's certificate is good, and opens nothing here.
        edge = tls_settings(tls_files(folder / "edge"))
        code, text = await asyncio.to_thread(keys, **edge)
        assert (code, "does not accept" in text) == (1, True)
        code, text = await asyncio.to_thread(keys, **(own | {"TLS_KEY_FILE": edge["TLS_KEY_FILE"]}))
        assert (code, "is not the key of" in text) == (2, True)
        code, text = await asyncio.to_thread(keys, TLS_KEY_FILE=own["TLS_KEY_FILE"])
        assert (code, "belong together" in text) == (2, True)


def test_again_they_are_renewed_by_the_same_authority(folder: Path, tmp_path: Path) -> None:
    before = {name: read(folder / name / "tls.crt") for name in SERVICES}

    assert run_command(tmp_path, "certs", "certs", "--days", "60").returncode == 0

    [authority] = {(folder / name / "ca.crt").read_bytes() for name in SERVICES}
    assert authority == (folder / "authority/tls.crt").read_bytes()
    issuer = read(folder / "authority/tls.crt")
    for name in SERVICES:
        renewed = read(folder / name / "tls.crt")
        renewed.verify_directly_issued_by(issuer)
        before[name].verify_directly_issued_by(issuer)
        assert renewed.serial_number != before[name].serial_number
        assert renewed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=59)


def test_nobody_else_can_read_the_keys(folder: Path) -> None:
    for key in folder.glob("*/tls.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_authority_that_cannot_be_read_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    (folder / "authority/tls.key").write_text("no key")
    before = (folder / "edge/tls.crt").read_bytes()

    done = run_command(tmp_path, "certs", "certs")

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert (folder / "edge/tls.crt").read_bytes() == before
