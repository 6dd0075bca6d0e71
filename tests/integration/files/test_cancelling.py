"""Uploads that are given up while their last bytes are on the way."""

import asyncio
import contextlib

import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from services.simulator.control import ControlError
from tests.support.files import World, noise
from tests.support.waiting import eventually

CHOSEN = b'{"file":{"name":"files/mine"}}'


async def is_made(world: World) -> bool:
    with contextlib.suppress(ControlError):
        return bool(await world.sim.file_sha256("files/mine"))
    return False


async def in_flight(world: World) -> tuple[pb.Upload, "asyncio.Task[pb.Upload]"]:
    """Return an upload that Google has made a file of without having said so."""
    await world.sim.add_fault("hold_answer", verb="upload.finalize", delay_seconds=2)
    upload = await world.files.create(start_body=CHOSEN)
    write = asyncio.create_task(world.files.write(upload, noise(100), finish=True))
    await eventually(lambda: is_made(world), bool)
    return upload, write


async def require_gone(world: World, upload: pb.Upload) -> None:
    """Require that nothing is left of an upload."""
    await eventually(lambda: is_made(world), lambda made: not made)
    state = (await world.files.state(upload)).state
    assert state == pb.Upload.STATE_CANCELLED
    assert not (await world.files.call("ListFiles")).files
    # The name is free here and there.
    again = await world.files.as_client("bob").create(start_body=CHOSEN)
    done = await world.files.as_client("bob").write(again, b"x", finish=True)
    assert done.state == pb.Upload.STATE_FINALIZED


async def test_the_file_is_deleted_and_its_writer_told(world: World) -> None:
    upload, write = await in_flight(world)

    await world.files.call("CancelUpload", upload_id=upload.upload_id)

    with pytest.raises(RemoteError) as failure:
        await write
    assert failure.value.reason == "UPLOAD_CANCELLED"
    await require_gone(world, upload)


async def test_the_file_is_deleted_although_its_writer_has_left(world: World) -> None:
    upload, write = await in_flight(world)
    write.cancel()
    await asyncio.wait({write})

    await world.files.call("CancelUpload", upload_id=upload.upload_id)

    await require_gone(world, upload)
