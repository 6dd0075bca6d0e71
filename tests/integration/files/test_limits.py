"""Room that is bounded: the size of a file, tails in the store, memory, time."""

import asyncio

import pytest
from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2

from services.kit.errors import RemoteError
from tests.support.files import (
    GRANULE,
    World,
    noise,
    running_world,
    sha256,
)
from tests.support.waiting import eventually

MIB = 1024 * 1024
LIMIT = 9 * MIB
# Long enough for a few calls on a busy machine.
TTL_HOURS = 5 / 3600
CHOSEN = b'{"file":{"name":"files/mine"}}'


async def failure_of(call: object) -> RemoteError:
    with pytest.raises(RemoteError) as failure:
        await call  # type: ignore[misc]
    return failure.value


async def becomes(world: World, upload: pb.Upload, reason: str) -> None:
    """Wait until asking for an upload is refused for a reason."""

    async def found() -> str:
        try:
            await world.files.state(upload)
        except RemoteError as error:
            return error.reason
        return ""

    await eventually(found, lambda told: told == reason, seconds=30)


class TestTheLargestFile:
    async def test_a_file_of_just_that_size_is_taken(self, redis_url: str) -> None:
        content = noise(LIMIT)
        async with running_world(redis_url, files_max_bytes=LIMIT) as world:
            upload = await world.files.create(declared_size=LIMIT)

            upload = await world.files.write(upload, content, finish=True)

            assert await world.sim.file_sha256(upload.file.name) == sha256(content)

    async def test_what_is_told_to_be_larger_is_refused_before_it_comes(
        self, redis_url: str
    ) -> None:
        async with running_world(redis_url, files_max_bytes=LIMIT) as world:
            declared = await failure_of(world.files.create(declared_size=LIMIT + 1))
            upload = await world.files.create()
            announced = await failure_of(world.files.write(upload, noise(LIMIT + 1), finish=True))

            for failure in (declared, announced):
                assert (failure.code.name, failure.reason) == ("OUT_OF_RANGE", "FILE_TOO_LARGE")
                assert failure.metadata == {"limitBytes": str(LIMIT)}
            assert (await world.sim.counts()).total.requests == 0

    async def test_what_turns_out_larger_is_refused_when_it_does(self, redis_url: str) -> None:
        content = noise(LIMIT + 1)
        async with running_world(redis_url, files_max_bytes=LIMIT) as world:
            upload = await world.files.create()

            failure = await failure_of(
                world.files.write(upload, content, finish=True, announce=False)
            )

            assert failure.reason == "FILE_TOO_LARGE"
            found = await world.files.state(upload)
            assert (found.state, found.committed_size) == (pb.Upload.STATE_ACTIVE, GRANULE)
            done = await world.files.write(upload, content[GRANULE:LIMIT], at=GRANULE, finish=True)
            assert await world.sim.file_sha256(done.file.name) == sha256(content[:LIMIT])


class TestClients:
    async def test_one_has_so_many_open_uploads(self, redis_url: str) -> None:
        async with running_world(redis_url, files_client_uploads=2) as world:
            first, _ = await world.files.create(), await world.files.create()

            failure = await failure_of(world.files.create())

            assert (failure.code.name, failure.reason) == ("RESOURCE_EXHAUSTED", "TOO_MANY_UPLOADS")
            assert failure.metadata == {"limit": "2"}
            assert failure.retry_delay is not None
            await world.files.as_client("bob").create()
            await world.files.write(first, b"x", finish=True)
            await world.files.create()

    async def test_one_has_its_part_of_the_tails_and_others_theirs(self, redis_url: str) -> None:
        content = noise(5 * MIB)
        async with running_world(redis_url, files_client_tail_bytes=GRANULE) as world:
            first, second = await world.files.create(), await world.files.create()
            await world.files.write(first, content)

            failure = await failure_of(world.files.write(second, content))

            assert failure.reason == "CLIENT_BUFFERS_FULL"
            bob = world.files.as_client("bob")
            assert (await bob.write(await bob.create(), content)).committed_size == 5 * MIB


class TestTails:
    async def test_more_than_their_bound_is_refused_until_room_is_given_back(
        self, redis_url: str
    ) -> None:
        content = noise(2 * GRANULE + 5 * MIB)
        async with running_world(redis_url, files_tail_bytes=GRANULE) as world:
            first, second = await world.files.create(), await world.files.create()
            await world.files.write(first, content[: 5 * MIB])

            failure = await failure_of(world.files.write(second, content[: 5 * MIB]))

            assert (failure.code.name, failure.reason) == ("RESOURCE_EXHAUSTED", "BUFFERS_FULL")
            assert failure.retry_delay is not None
            kept = (await world.files.state(second)).committed_size
            assert kept <= 3 * MIB
            # Whole granules need no room there.
            upload = await world.files.write(second, content[kept:GRANULE], at=kept)
            assert upload.committed_size == GRANULE
            await world.files.call("CancelUpload", upload_id=first.upload_id)
            upload = await world.files.write(second, content[GRANULE : 2 * GRANULE - 1], at=GRANULE)
            assert upload.committed_size == 2 * GRANULE - 1
            at = upload.committed_size
            done = await world.files.write(second, content[at:], at=at, finish=True)
            assert await world.sim.file_sha256(done.file.name) == sha256(content)

    async def test_uploads_whose_time_is_over_give_theirs_back_at_once(
        self, redis_url: str
    ) -> None:
        content = noise(GRANULE - 1)
        async with running_world(
            redis_url, files_tail_bytes=GRANULE, files_upload_ttl_hours=TTL_HOURS
        ) as world:
            left = await world.files.create()
            await world.files.write(left, content)
            await becomes(world, left, "UPLOAD_UNKNOWN")
            upload = await world.files.create()

            upload = await world.files.write(upload, content)

            assert upload.committed_size == len(content)


async def test_an_upload_that_was_left_is_dropped_everywhere(redis_url: str) -> None:
    async with running_world(
        redis_url, files_upload_ttl_hours=TTL_HOURS, files_sweep_seconds=0.5
    ) as world:
        upload = await world.files.create(start_body=CHOSEN)
        await world.files.write(upload, noise(GRANULE + 5))
        await becomes(world, upload, "UPLOAD_UNKNOWN")

        late = await failure_of(world.files.write(upload, b"x", at=GRANULE + 5))
        assert (late.code.name, late.reason) == ("NOT_FOUND", "UPLOAD_UNKNOWN")
        await eventually(world.sim.counts, lambda tally: "upload.cancel" in tally.total.by_verb)
        await eventually(lambda: owner_of(world, "files/mine"), lambda owner: owner is None)


async def owner_of(world: World, name: str) -> str | None:
    """Return the client to whom the key pool has bound a name."""
    request = keypool_pb2.ResolveResourcesRequest(resource_names=[name])
    bindings = (await world.keypool.pool.ResolveResources(request)).bindings
    return bindings[0].client_id if bindings else None


async def test_uploads_share_little_memory_in_turn(redis_url: str) -> None:
    contents = [noise(3 * GRANULE + seed, seed) for seed in range(6)]
    async with running_world(redis_url, files_buffer_bytes=2 * GRANULE) as world:
        uploads = await asyncio.gather(*(world.files.upload(content) for content in contents))

        for upload, content in zip(uploads, contents, strict=True):
            assert await world.sim.file_sha256(upload.file.name) == sha256(content)
