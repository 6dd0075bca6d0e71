"""Bytes kept in a real folder: sealed, bound to their place, and gone when dropped."""

import json
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
from services.kit.vault import Vault
from tests.support.bucket import running_bucket

PART = 64 * 1024


@pytest.fixture
def vault() -> Vault:
    return Vault("a key-encryption key for tests")


@pytest.fixture
async def keeper(tmp_path: Path, vault: Vault) -> Keeper:
    return Keeper(await open_object_store(f"file://{tmp_path}/kept"), vault)


def objects(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "kept").rglob("*") if path.is_file())


async def test_parts_come_back_as_they_were_and_lie_sealed(keeper: Keeper, tmp_path: Path) -> None:
    content = [os.urandom(PART), b"the last one"]
    manifest = keeper.begin(PART)
    for number, part in enumerate(content):
        await keeper.put(manifest, number * PART, memoryview(part))
    manifest = from_row(json.loads(json.dumps(to_row(manifest))))

    assert [await keeper.get(manifest, number * PART) for number in range(2)] == content
    written = b"".join(path.read_bytes() for path in objects(tmp_path))
    assert content[1] not in written
    assert content[0][:64] not in written


async def test_the_same_part_may_be_kept_again(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    await keeper.put(manifest, 0, b"once")
    await keeper.put(manifest, 0, b"twice")

    assert bytes(await keeper.get(manifest, 0)) == b"twice"
    assert len(objects(tmp_path)) == 1


async def test_a_part_in_another_place_is_refused(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    await keeper.put(manifest, 0, b"zero")
    await keeper.put(manifest, PART, b"one")
    zero, one = objects(tmp_path)
    one.write_bytes(zero.read_bytes())

    assert bytes(await keeper.get(manifest, 0)) == b"zero"
    with pytest.raises(ObjectStoreError, match="was changed"):
        await keeper.get(manifest, PART)


async def test_another_key_encryption_key_reads_nothing(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    await keeper.put(manifest, 0, b"content")
    other = Keeper(
        await open_object_store(f"file://{tmp_path}/kept"),
        Vault("quite another key of the operator"),
    )

    with pytest.raises(ObjectStoreError, match="ENCRYPTION_KEY"):
        await other.get(manifest, 0)


async def test_dropped_parts_are_gone(keeper: Keeper, tmp_path: Path) -> None:
    manifest = keeper.begin(PART)
    for number in range(3):
        await keeper.put(manifest, number * PART, b"content")
    other = keeper.begin(PART)
    await keeper.put(other, 0, b"another")
    # What a crash in the middle of a put leaves.
    half = tmp_path / "kept" / f"{manifest.object_name(3 * PART)}#1"
    half.write_bytes(b"half")

    await keeper.drop(manifest.kept_id)
    await keeper.drop(manifest.kept_id)

    assert len(objects(tmp_path)) == 1
    assert bytes(await keeper.get(other, 0)) == b"another"
    with pytest.raises(ObjectMissingError):
        await keeper.get(manifest, 0)


async def test_a_store_that_cannot_be_written_is_said_so(tmp_path: Path, vault: Vault) -> None:
    keeper = Keeper(await open_object_store(f"file://{tmp_path}/kept"), vault)
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").write_text("a file where a folder was")
    manifest = keeper.begin(PART)

    with pytest.raises(ObjectStoreError):
        await keeper.put(manifest, 0, b"content")


async def test_a_bucket_is_reached_as_the_clouds_own_variables_say(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_bucket() as bucket:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "its-secret")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        keeper = Keeper(await open_object_store("s3://bucket/folder"), vault)
        manifest, other = keeper.begin(PART), keeper.begin(PART)
        for start in (0, PART):
            await keeper.put(manifest, start, b"content")
        await keeper.put(other, 0, b"another")

        assert bytes(await keeper.get(manifest, PART)) == b"content"
        assert all(name.startswith("/bucket/folder/") for name in bucket.objects)

        await keeper.drop(manifest.kept_id)
        await keeper.drop(manifest.kept_id)

        assert list(bucket.objects) == [f"/bucket/folder/{other.object_name(0)}"]
        with pytest.raises(ObjectMissingError):
            await keeper.get(manifest, 0)
        assert bucket.signed_by == {"an-access-key"}


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
