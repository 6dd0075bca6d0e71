"""What the pool tells of its projects to whoever asks."""

from datetime import UTC, datetime, timedelta

from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from services.keypool.quota_day import ends_of_day
from tests.support.keypool import Keypool, secret_of


async def explain(keypool: Keypool) -> list[keypool_pb2.ExplainResponse.Project]:
    response = await keypool.pool.Explain(keypool_pb2.ExplainRequest(model="m"))
    return list(response.projects)


async def test_a_day_that_will_be_used_up_is_foretold(keypool: Keypool) -> None:
    await keypool.add_keys(secret_of(1), project="p")
    quota = admin_pb2.Quota(project_id="p", model="m", requests_per_day=100)
    await keypool.admin.SetQuota(admin_pb2.SetQuotaRequest(quota=quota))
    assert [project.HasField("dry_time") for project in await explain(keypool)] == [False]
    now = datetime.now(UTC)
    assert len((await keypool.acquire(60)).leases) == 60

    [project] = await explain(keypool)

    # 40 are left; 60 in ten minutes, or a little longer where a slot of them ended meanwhile.
    dry = project.dry_time.ToDatetime(UTC) if project.HasField("dry_time") else None
    if now + timedelta(minutes=20) < ends_of_day(now, 1)[0]:
        assert dry is not None
        assert timedelta(minutes=6) < dry - now < timedelta(minutes=8)
