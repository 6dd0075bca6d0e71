"""Leases of second uploads: each is settled, however the upload ends."""

import pytest
from gemini_balance.keypool.v1 import admin_pb2

from tests.integration.files.kept_world import KeptWorld, refusal
from tests.support.files import noise
from tests.support.waiting import eventually


async def in_flight(kept: KeptWorld) -> int:
    response = await kept.keypool.admin.ListKeys(admin_pb2.ListKeysRequest(page_size=100))
    return sum(key.in_flight_count for key in response.keys)


@pytest.mark.parametrize(("status", "count"), [(400, 3), (410, 2)])
async def test_a_refused_copy_leaves_no_lease_behind(
    kept: KeptWorld, status: int, count: int
) -> None:
    file = (await kept.files.upload(noise(100))).file
    await kept.sim.add_fault(
        "custom", verb="upload.finalize", status=status, count=count, body={"error": {}}
    )

    error = await refusal(kept.files.ensure(file.name, kept.other_project(file)))

    assert error.reason == "UPSTREAM_REFUSED"
    assert error.metadata["httpStatus"] == str(status)
    await eventually(lambda: in_flight(kept), lambda found: found == 0)
