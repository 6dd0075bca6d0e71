"""Uploads of all sizes, in all ways in which clients cut them."""

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from tests.support.files import GRANULE, World, frames_of, noise, sha256

SIZES = [0, 1, GRANULE - 1, GRANULE, GRANULE + 1, 3 * GRANULE + 12_345]


async def check(world: World, upload: pb.Upload, content: bytes) -> None:
    assert upload.state == pb.Upload.STATE_FINALIZED
    assert upload.committed_size == len(content)
    assert upload.final_http_status == 200
    assert await world.sim.file_sha256(upload.file.name) == sha256(content)
    assert upload.file.size_bytes == len(content)


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize("size", SIZES)
async def test_one_write_brings_a_whole_file(world: World, size: int, announce: bool) -> None:
    content = noise(size)

    upload = await world.files.write(
        await world.files.create(), content, finish=True, announce=announce
    )

    await check(world, upload, content)
    assert await world.files.file(upload.file.name) == upload.file


@pytest.mark.parametrize("chunk", [GRANULE, 5 * 1024 * 1024 + 17, 11 * 1024 * 1024, 1_000_003])
async def test_chunks_of_any_size_make_the_same_file(world: World, chunk: int) -> None:
    content = noise(3 * GRANULE + 999)
    upload = await world.files.create(declared_size=len(content))

    at = 0
    for piece in frames_of(content, chunk):
        is_last = at + len(piece) == len(content)
        upload = await world.files.write(upload, piece, at=at, finish=is_last)
        at += len(piece)
        assert upload.committed_size == at
        assert (await world.files.state(upload)).committed_size == at

    await check(world, upload, content)
