"""Bytes kept in a real folder: sealed, bound to their place, and gone when dropped."""

import os
import secrets
from pathlib import Path

import pytest

from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import from_row, to_row
from services.files.keeping.object_store import (
    ObjectMissingError,
    ObjectStoreError,
    check_store_url,
    open_object_store,
)
from services.kit.vault import UnreadableError, Vault

PART = 64 * 1024


@pytest.fixture
def vault() -> Vault:
    return Vault("a key-encryption key for tests")


@pytest.fixture
def keeper(tmp_path: Path, vault: Vault) -> Keeper:
    return Keeper(open_object_store(f"file://{tmp_path}/kept"), vault)


def objects(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "kept").rglob("*") if path.is_file())


async def test_parts_come_back_as_they_were_and_lie_sealed(keeper: Keeper, tmp_path: Path) -> None:
    content = [os.urandom(PART), b"the last one"]
    manifest = keeper.begin(PART)
    for number, part in enumerate(content):
        await keeper.put(manifest, number, memoryview(part))
    manifest = from_row(to_row(manifest.grown(PART + len(content[1]))))

    assert manifest.parts == 2
    assert [await keeper.get(manifest, number) for number in range(2)] == content
    written = b"".join(path.read_bytes() for path in objects(tmp_path))
    assert content[1] not in written
    assert content[0][:64] not in written


async def test_the_same_part_may_be_kept_again(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    await keeper.put(manifest, 0, b"once")
    await keeper.put(manifest, 0, b"twice")

    assert await keeper.get(manifest, 0) == b"twice"
    assert len(objects(tmp_path)) == 1


async def test_a_part_in_another_place_is_refused(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    await keeper.put(manifest, 0, b"zero")
    await keeper.put(manifest, 1, b"one")
    zero, one = objects(tmp_path)
    one.write_bytes(zero.read_bytes())

    assert await keeper.get(manifest, 0) == b"zero"
    with pytest.raises(ObjectStoreError, match="was changed"):
        await keeper.get(manifest, 1)


async def test_another_key_encryption_key_reads_nothing(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    await keeper.put(manifest, 0, b"content")
    other = Keeper(
        open_object_store(f"file://{tmp_path}/kept"), Vault("quite another key of the operator")
    )

    with pytest.raises(UnreadableError):
        await other.get(manifest, 0)


async def test_dropped_parts_are_gone(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    for number in range(3):
        await keeper.put(manifest, number, b"content")

    await keeper.drop(manifest, parts=5)

    assert objects(tmp_path) == []
    with pytest.raises(ObjectMissingError):
        await keeper.get(manifest, 0)


async def test_a_store_that_cannot_be_written_is_said_so(tmp_path: Path, vault: Vault) -> None:
    keeper = Keeper(open_object_store(f"file://{tmp_path}/kept"), vault)
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").write_text("a file where a folder was")
    manifest = keeper.begin(PART)

    with pytest.raises(ObjectStoreError):
        await keeper.put(manifest, 0, b"content")


class TestStoreUrl:
    @pytest.mark.parametrize("url", ["file:///var/kept", "s3://bucket", "gs://bucket/folder"])
    def test_good_ones_pass(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        assert check_store_url(url) == url

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "kept",
            "/var/kept",
            "ftp://host/kept",
            "file://kept",
            "file:///",
            "s3:///folder",
            "s3://user:{secret}@bucket",
            "s3://bucket?secret_access_key={secret}",
            "http://[broken{secret}",
        ],
    )
    def test_bad_ones_are_refused_without_being_quoted(self, url: str) -> None:
        secret = secrets.token_hex(8)
        with pytest.raises(ValueError, match=r"must|cannot") as caught:
            check_store_url(url.replace("{secret}", secret))
        assert secret not in str(caught.value)

    def test_a_folder_is_refused_in_a_pod(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        with pytest.raises(ValueError, match="pod"):
            check_store_url("file:///var/kept")
