"""Generated media over the contract: put, read in part, sealed where kept, gone in time."""

from collections.abc import AsyncIterator

import grpc
import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.files.v1 import files_pb2_grpc

from services.kit.errors import RemoteError
from tests.integration.files.kept_world import KEPT, KeptWorld
from tests.support.files import FRAME, Files, World, frames_of, noise, running_files

MIB = 1024 * 1024


async def put(
    files: Files, content: bytes, *, size: int | None = None, mime_type: str = "image/png"
) -> str:
    """Put a medium and return its id."""
    head = pb.PutMediaRequest.Head(
        mime_type=mime_type, size_bytes=len(content) if size is None else size
    )
    return await put_frames(
        files,
        pb.PutMediaRequest(head=head),
        *(pb.PutMediaRequest(chunk=frame) for frame in frames_of(content)),
    )


async def put_frames(files: Files, *requests: pb.PutMediaRequest) -> str:
    async def frames() -> AsyncIterator[pb.PutMediaRequest]:
        for request in requests:
            yield request

    stub = files_pb2_grpc.FilesServiceStub(files.channel)
    try:
        response = await stub.PutMedia(frames(), timeout=30, metadata=files.metadata)
    except grpc.aio.AioRpcError as error:
        raise RemoteError(error) from error
    assert isinstance(response, pb.PutMediaResponse)
    return response.media_id


async def get(files: Files, media_id: str, **fields: int) -> tuple[pb.GetMediaResponse.Head, bytes]:
    stub = files_pb2_grpc.FilesServiceStub(files.channel)
    request = pb.GetMediaRequest(media_id=media_id, **fields)
    try:
        messages = [
            message async for message in stub.GetMedia(request, timeout=30, metadata=files.metadata)
        ]
    except grpc.aio.AioRpcError as error:
        raise RemoteError(error) from error
    assert all(len(message.chunk) <= FRAME for message in messages)
    assert not any(message.HasField("head") for message in messages[1:])
    return messages[0].head, b"".join(message.chunk for message in messages)


async def refused(files: Files, media_id: str, **fields: int) -> str:
    with pytest.raises(RemoteError) as caught:
        await get(files, media_id, **fields)
    return caught.value.reason or ""


async def test_a_medium_in_redis(world: World) -> None:
    for size in (1, FRAME, MIB, 3 * MIB + 1, 20 * MIB):
        content = noise(size)

        media_id = await put(world.files, content)
        head, found = await get(world.files, media_id)

        assert found == content
        assert (head.mime_type, head.size_bytes) == ("image/png", size)
        assert len(media_id) == 22


async def test_a_medium_in_the_store_of_bytes(kept: KeptWorld) -> None:
    content = noise(3 * MIB + 1)

    media_id = await put(kept.files, content)
    head, found = await get(kept.files, media_id)

    assert found == content
    assert head.size_bytes == len(content)
    assert len(kept.objects()) == 4
    everything = b"".join(path.read_bytes() for path in kept.objects()) + await kept.dump()
    assert content[:32] not in everything
    assert content[-32:] not in everything


@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_part_of_a_medium(world: World, kept: KeptWorld, is_kept: bool) -> None:
    files = kept.files if is_kept else world.files
    content = noise(3 * MIB)
    media_id = await put(files, content)

    for at, limit in [
        (0, 0),
        (0, 10),
        (MIB - 5, 10),
        (MIB + 5, MIB),
        (3 * MIB, 9),
        (2 * MIB, 2 * MIB),
    ]:
        head, found = await get(files, media_id, read_offset=at, read_limit=limit)
        assert found == content[at : at + limit], (at, limit)
        assert head.size_bytes == len(content)
    _, rest = await get(files, media_id, read_offset=MIB + 7)
    assert rest == content[MIB + 7 :]


async def test_another_replica_gives_it_back(kept: KeptWorld) -> None:
    media_id = await put(kept.files, b"picture")

    async with kept.replica() as other:
        assert (await get(other, media_id))[1] == b"picture"


async def test_ids_are_random_and_no_other_opens(world: World) -> None:
    ids = {await put(world.files, b"x") for _ in range(20)}

    assert len(ids) == 20
    assert await refused(world.files, "A" * 22) == "MEDIUM_UNKNOWN"


async def test_what_is_no_id(world: World) -> None:
    for media_id in ("", "short", "x" * 23, "*" * 22, "../" + "x" * 19):
        assert await refused(world.files, media_id) == "INVALID_REQUEST"


async def test_bad_frames(world: World) -> None:
    good = pb.PutMediaRequest(head=pb.PutMediaRequest.Head(mime_type="image/png", size_bytes=3))
    cases = [
        (),
        (pb.PutMediaRequest(chunk=b"abc"),),
        (good,),
        (good, pb.PutMediaRequest(chunk=b"ab")),
        (good, pb.PutMediaRequest(chunk=b"abcd")),
        (good, good),
        (good, pb.PutMediaRequest(chunk=b"x" * (MIB + 1))),
        (pb.PutMediaRequest(head=pb.PutMediaRequest.Head(mime_type="image/png")),),
        (pb.PutMediaRequest(head=pb.PutMediaRequest.Head(mime_type="x", size_bytes=3)),),
    ]
    for frames in cases:
        with pytest.raises(RemoteError) as caught:
            await put_frames(world.files, *frames)
        assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT, frames


async def test_what_is_too_long(world: World) -> None:
    with pytest.raises(RemoteError) as caught:
        await put(world.files, b"x", size=20 * MIB + 1)

    assert caught.value.reason == "MEDIUM_TOO_LARGE"


async def test_the_room_of_all_media(world: World, redis_url: str) -> None:
    async with running_files(
        redis_url, world.keypool.target, world.google_url, files_media_bytes=100
    ) as (files, _):
        await put(files, b"x" * 60)
        with pytest.raises(RemoteError) as caught:
            await put(files, b"x" * 60)

    assert caught.value.reason == "MEDIA_FULL"
    assert caught.value.retry_delay is not None
    assert 3500 < caught.value.retry_delay.total_seconds() <= 3600


async def test_kept_bytes_are_dropped_in_time(kept: KeptWorld) -> None:
    media_id = await put(kept.files, noise(2 * MIB))
    assert kept.objects()

    await kept.make_due()
    await kept.until_empty()
    assert await refused(kept.files, media_id) == "KEPT_BYTES_UNAVAILABLE"


async def test_a_store_of_bytes_that_fails(kept: KeptWorld) -> None:
    kept.folder.chmod(0o755)
    for path in kept.folder.iterdir():
        path.unlink()
    kept.folder.rmdir()
    kept.folder.write_bytes(b"no folder any more")

    with pytest.raises(RemoteError) as caught:
        await put(kept.files, b"picture")

    assert caught.value.reason == "KEPT_BYTES_UNAVAILABLE"
    async with kept.redis() as redis:
        # What may have come there is dropped like everything else.
        assert await redis.zcard(KEPT) == 1
