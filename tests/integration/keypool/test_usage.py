"""What was used: counted once with each outcome, summed by model, key and client."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from services.keypool.quota_day import ends_of_day
from services.kit.errors import RemoteError
from tests.support.keypool import Keypool, failed, secrets_of, succeeded, unused

HOUR = timedelta(hours=1)
BY_MODEL = admin_pb2.QueryUsageRequest.GROUP_BY_MODEL
BY_KEY = admin_pb2.QueryUsageRequest.GROUP_BY_KEY
BY_CLIENT = admin_pb2.QueryUsageRequest.GROUP_BY_CLIENT

Row = admin_pb2.QueryUsageResponse.Row


def timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message


async def rows(
    keypool: Keypool,
    group: admin_pb2.QueryUsageRequest.GroupBy.ValueType = BY_MODEL,
    *,
    back: timedelta = HOUR,
    until: timedelta | None = None,
    **fields: Any,
) -> list[Row]:
    """Return what was used from `back` before now on, until `until` before now."""
    now = datetime.now(UTC)
    request = admin_pb2.QueryUsageRequest(
        group_by=group, start_time=timestamp(now - back), **fields
    )
    if until is not None:
        request.end_time.CopyFrom(timestamp(now - until))
    response = await keypool.admin.QueryUsage(request)
    return list(response.rows)


def told(
    settlement: keypool_pb2.Settlement, *tokens: int, client: str = ""
) -> keypool_pb2.Settlement:
    """Return a settlement with input, output, cached and thought tokens."""
    names = ("input_tokens", "output_tokens", "cached_tokens", "thought_tokens")
    settlement.usage.CopyFrom(keypool_pb2.Usage(**dict(zip(names, tokens, strict=True))))
    settlement.client_id = client
    return settlement


async def lease_of(keypool: Keypool, **fields: object) -> keypool_pb2.Lease:
    [lease] = (await keypool.acquire(1, **fields)).leases
    return lease


class TestSums:
    async def test_are_by_model_key_and_client(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(2))
        first = await lease_of(keypool, client_id="alice")
        second = await lease_of(keypool, client_id="bob", model="n")
        third = await lease_of(keypool, client_id="alice")
        await keypool.settle(
            told(succeeded(first), 100, 10, 60, 5),
            failed(second, 500),
            told(succeeded(third), 200, 20, 0, 0),
        )

        by_model = await rows(keypool, BY_MODEL)
        by_key = {row.group: row for row in await rows(keypool, BY_KEY)}
        by_client = await rows(keypool, BY_CLIENT)

        assert by_model == [
            Row(
                group="m",
                success_count=2,
                input_tokens=300,
                output_tokens=30,
                cached_tokens=60,
                thought_tokens=5,
            ),
            Row(group="n", failure_count=1),
        ]
        assert sum(row.success_count for row in by_key.values()) == 2
        assert by_key[second.key_id].failure_count == 1
        assert [(row.group, row.success_count) for row in by_client] == [("alice", 2), ("bob", 0)]

    async def test_count_an_outcome_once(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        outcome = told(succeeded(await lease_of(keypool)), 7, 0, 0, 0)

        for _ in range(3):
            await keypool.settle(outcome, outcome)

        [row] = await rows(keypool)
        assert (row.success_count, row.input_tokens) == (1, 7)

    async def test_leave_out_what_was_never_sent(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))

        await keypool.settle(unused(await lease_of(keypool)))

        assert await rows(keypool) == []

    async def test_know_abandoned_calls_by_their_tokens(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        outcome = succeeded(await lease_of(keypool))
        outcome.outcome = keypool_pb2.OUTCOME_ABANDONED

        await keypool.settle(told(outcome, 9, 4, 0, 0))

        assert await rows(keypool) == [Row(group="m", input_tokens=9, output_tokens=4)]

    async def test_hold_uses_without_a_lease(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(*secrets_of(1))
        use = keypool_pb2.UnleasedUse(
            report_id="1",
            key_id=key_id,
            model="m",
            client_id="alice",
            settlement=told(succeeded(keypool_pb2.Lease()), 3, 2, 1, 0),
        )

        for _ in range(2):
            await keypool.settle(unleased_uses=[use])

        [row] = await rows(keypool, BY_CLIENT)
        assert (row.group, row.success_count, row.input_tokens) == ("alice", 1, 3)

    async def test_are_kept_apart_by_pool(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1), pool="eu")

        await keypool.settle(succeeded(await lease_of(keypool, pool="eu")))

        assert await rows(keypool) == []
        assert len(await rows(keypool, pool="eu")) == 1


class TestClients:
    async def test_of_stocked_leases_are_those_that_used_them(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        stocked = (await keypool.acquire(2)).leases

        await keypool.settle(
            told(succeeded(stocked[0]), 1, 0, 0, 0, client="alice"), succeeded(stocked[1])
        )

        groups = {row.group for row in await rows(keypool, BY_CLIENT)}
        assert groups == {"alice", "edge"}

    async def test_are_not_believed_from_callers_that_act_for_themselves(
        self, keypool: Keypool
    ) -> None:
        await keypool.add_keys(*secrets_of(1))
        job = keypool.as_caller("batch-job")
        [lease] = (await job.AcquireLeases(keypool_pb2.AcquireLeasesRequest(model="m"))).leases

        settlement = told(succeeded(lease), 1, 0, 0, 0, client="alice")
        await job.SettleLeases(keypool_pb2.SettleLeasesRequest(settlements=[settlement]))

        assert [row.group for row in await rows(keypool, BY_CLIENT)] == ["batch-job"]


class TestBuckets:
    async def test_of_each_age_are_found_once(self, keypool: Keypool, redis_url: str) -> None:
        await keypool.add_keys(*secrets_of(1))
        await keypool.settle(succeeded(await lease_of(keypool)))
        now = datetime.now(UTC)
        async with Redis.from_url(redis_url) as redis:
            for ages, name_of in ((HOURS, hour_name), (DAYS, day_name)):
                for age in ages:
                    await redis.hset(name_of(now - age), "mold", "1,0,0,0,0,0")

        recent = {row.group: row.success_count for row in await rows(keypool)}
        all_of_it = {row.group: row.success_count for row in await rows(keypool, back=91 * DAY)}
        past = {
            row.group: row.success_count
            for row in await rows(keypool, back=91 * DAY, until=timedelta(days=4, hours=1))
        }

        assert recent == {"m": 1}
        assert all_of_it == {"m": 1, "old": len(HOURS) + len(DAYS)}
        assert past == {"old": len(DAYS)}

    async def test_end_by_themselves(self, keypool: Keypool, redis_url: str) -> None:
        await keypool.add_keys(*secrets_of(1))
        for _ in range(2):
            await keypool.settle(succeeded(await lease_of(keypool)))

        async with Redis.from_url(redis_url) as redis:
            names = [name async for name in redis.scan_iter("gb:1:{default}:U:*")]
            spans = sorted([timedelta(milliseconds=await redis.pttl(name)) for name in names])

        assert {name[len("gb:1:{default}:U:") :][:1] for name in names} == {b"m", b"h", b"d"}
        assert spans[0] >= timedelta(hours=2)
        assert timedelta(days=90) < spans[-1] < timedelta(days=92)

    async def test_hold_so_many_names_and_the_sum_of_the_rest(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(*secrets_of(1))
        clients = 1_200
        for first in range(0, clients, 600):
            uses = [
                keypool_pb2.UnleasedUse(
                    report_id=f"r{number}",
                    key_id=key_id,
                    model="m",
                    client_id=f"c{number}",
                    settlement=told(succeeded(keypool_pb2.Lease()), number, 0, 0, 0),
                )
                for number in range(first, first + 600)
            ]
            await keypool.settle(unleased_uses=uses)

        found = await rows(keypool, BY_CLIENT)

        assert sum(row.success_count for row in found) == clients
        assert sum(row.input_tokens for row in found) == sum(range(clients))
        # Two minutes may have been met.
        assert len(found) <= clients
        assert found[0].group == "*" or len(found) == clients
        [model] = await rows(keypool, BY_MODEL)
        assert model.success_count == clients


class TestQuestions:
    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("start_time", lambda query: query.ClearField("start_time")),
            ("start_time", lambda query: query.end_time.CopyFrom(query.start_time)),
            ("start_time", lambda query: query.start_time.FromSeconds(2**35)),
            ("group_by", lambda query: setattr(query, "group_by", 9)),
            ("pool", lambda query: setattr(query, "pool", "no pool")),
        ],
    )
    async def test_that_make_no_sense_name_the_field(
        self,
        keypool: Keypool,
        field: str,
        change: Callable[[admin_pb2.QueryUsageRequest], None],
    ) -> None:
        query = admin_pb2.QueryUsageRequest(start_time=timestamp(datetime.now(UTC) - HOUR))
        change(query)

        with pytest.raises(RemoteError) as failure:
            await keypool.admin.QueryUsage(query)

        assert failure.value.code.name == "INVALID_ARGUMENT"
        assert str(failure.value).startswith(f"{field}: ")

    async def test_need_the_scope_of_operators(self, keypool: Keypool) -> None:
        with pytest.raises(RemoteError) as failure:
            await keypool.pool.QueryUsage(admin_pb2.QueryUsageRequest())

        assert failure.value.reason == "SCOPE_MISSING"


DAY = timedelta(days=1)
HOURS = [timedelta(hours=hours) for hours in (3, 10, 47)]
DAYS = [timedelta(days=days) for days in (5, 30, 89)]


def hour_name(moment: datetime) -> str:
    return f"gb:1:{{default}}:U:h{int(moment.timestamp()) // 3600}"


def day_name(moment: datetime) -> str:
    return f"gb:1:{{default}}:U:d{int(ends_of_day(moment, 1)[0].timestamp()) * 1000}"
