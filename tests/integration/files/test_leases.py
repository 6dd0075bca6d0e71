"""What an upload asks of the key pool: a key while it runs, and none for its bytes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from gemini_balance.files.v1 import files_pb2 as pb
from gemini_balance.keypool.v1 import admin_pb2

from services.simulator.control import SimulatorControl
from tests.support.files import (
    GRANULE,
    World,
    frames_of,
    noise,
    running_files,
    running_world,
    sha256,
)
from tests.support.keypool import running_keypool, secrets_of
from tests.support.ports import free_port
from tests.support.proxy import ForwardProxy
from tests.support.upstream import upstream
from tests.support.waiting import eventually

CONTENT = noise(2 * GRANULE + 77)


async def keys_of(world: World) -> list[admin_pb2.Key]:
    response = await world.keypool.admin.ListKeys(admin_pb2.ListKeysRequest(page_size=100))
    return list(response.keys)


async def in_flight(world: World) -> int:
    return sum(key.in_flight_count for key in await keys_of(world))


async def reported(world: World) -> tuple[int, int]:
    """Return how many successes and failures keys have."""
    keys = await keys_of(world)
    return sum(key.success_count for key in keys), sum(key.failure_count for key in keys)


class SlowClient:
    """Sends the first granule, and the rest when it is told to."""

    def __init__(self, upload: pb.Upload) -> None:
        self.upload = upload
        self.go_on = asyncio.Event()

    async def frames(self) -> AsyncIterator[pb.WriteUploadRequest]:
        begin = pb.WriteUploadRequest.Begin(upload_id=self.upload.upload_id)
        yield pb.WriteUploadRequest(begin=begin)
        pieces = frames_of(CONTENT)
        for number, piece in enumerate(pieces):
            if number == len(pieces) - 1:
                await self.go_on.wait()
            yield pb.WriteUploadRequest(chunk=piece)
        yield pb.WriteUploadRequest(finish=pb.WriteUploadRequest.Finish())


async def test_a_slow_upload_keeps_its_lease_and_settles_it_once(redis_url: str) -> None:
    async with running_world(redis_url, files_lease_seconds=1) as world:
        client = SlowClient(await world.files.create())
        writing = asyncio.create_task(world.files.stream(client.frames()))
        await eventually(lambda: in_flight(world), lambda count: count == 1)

        # Longer than leases last that nobody renews.
        loop = asyncio.get_running_loop()
        end = loop.time() + 2.5
        while loop.time() < end:
            assert await in_flight(world) == 1
            await asyncio.sleep(0.1)
        client.go_on.set()
        upload = await writing

        assert await world.sim.file_sha256(upload.file.name) == sha256(CONTENT)
        assert await in_flight(world) == 0
        assert await reported(world) == (1, 0)


async def test_a_client_that_leaves_leaves_no_lease_behind(world: World) -> None:
    client = SlowClient(await world.files.create())
    writing = asyncio.create_task(world.files.stream(client.frames()))
    await eventually(lambda: in_flight(world), lambda count: count == 1)

    writing.cancel()

    await eventually(lambda: in_flight(world), lambda count: count == 0)
    # The granule that was on its way may have arrived: a success of its key, never a failure.
    _, failures = await reported(world)
    assert failures == 0


async def test_an_open_session_outlives_all_keys(world: World) -> None:
    upload = await world.files.create()
    await world.files.write(upload, CONTENT[:GRANULE])
    for secret in secrets_of(3):
        await world.sim.put_key(secret, state="invalid")
    for key in await keys_of(world):
        await world.keypool.admin.VerifyKey(admin_pb2.VerifyKeyRequest(key_id=key.key_id))
    assert {key.state for key in await keys_of(world)} == {admin_pb2.Key.STATE_DEAD}

    upload = await world.files.write(upload, CONTENT[GRANULE:], at=GRANULE, finish=True)

    assert upload.state == pb.Upload.STATE_FINALIZED
    assert await world.sim.file_sha256(upload.file.name) == sha256(CONTENT)


async def test_a_start_goes_on_with_another_key_when_one_is_refused(world: World) -> None:
    await world.sim.add_fault("invalid_key", verb="upload.start", count=2)

    upload = await world.files.upload(CONTENT)

    assert await world.sim.file_sha256(upload.file.name) == sha256(CONTENT)
    counts = await world.sim.counts()
    assert [counts.of(secret).by_verb["upload.start"] for secret in secrets_of(3)] == [1, 1, 1]
    assert await in_flight(world) == 0
    assert await reported(world) == (1, 2)


async def test_bytes_go_on_while_the_key_pool_is_away(redis_url: str) -> None:
    listen: dict[str, Any] = {"keypool_listen": f"127.0.0.1:{free_port()}"}
    async with upstream() as google, SimulatorControl(google.url) as sim:
        listen["base_url"] = google.url
        target = listen["keypool_listen"]
        async with running_files(redis_url, target, google.url) as (files, _):
            async with running_keypool(redis_url, **listen) as keypool:
                await keypool.add_keys(*secrets_of(1))
                upload = await files.create()
                await files.write(upload, CONTENT[:GRANULE])

            upload = await files.write(upload, CONTENT[GRANULE:-7], at=GRANULE)
            assert upload.committed_size == len(CONTENT) - 7

            async with running_keypool(redis_url, **listen):
                at = upload.committed_size
                upload = await files.write(upload, CONTENT[at:], at=at, finish=True)

        assert await sim.file_sha256(upload.file.name) == sha256(CONTENT)


async def test_a_key_with_a_proxy_uses_it_for_every_request(redis_url: str) -> None:
    proxy = ForwardProxy()
    async with running_world(redis_url, keys=0) as world, proxy.running() as address:
        [secret] = secrets_of(1)
        key = admin_pb2.NewKey(secret=secret, proxy_url=f"http://joe:secret-word@{address}")
        await world.keypool.admin.CreateKeys(admin_pb2.CreateKeysRequest(keys=[key]))
        upload = await world.files.create()
        await world.files.write(upload, CONTENT[:GRANULE])

        upload = await world.files.write(upload, CONTENT[GRANULE:], at=GRANULE, finish=True)
        await world.files.delete(upload.file.name)

        requests = await world.sim.requests()
        assert [request.verb for request in requests] == [
            "upload.start",
            "upload.upload",
            "upload.upload",
            "upload.finalize",
            "files.delete",
        ]
        assert all(request.header("proxy-authorization") for request in requests)
        assert proxy.targets
