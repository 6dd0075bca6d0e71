"""What a client may use: enforced with the grant, exactly, for whoever has limits."""

from datetime import UTC, datetime, timedelta

import pytest

from services.judging import Evidence, Operation, Phase
from services.keypool.catalog import TokenChange, TokenState
from services.keypool.client_limits import ClientLimits
from services.keypool.identity import Identity
from services.keypool.model import (
    Grant,
    Lease,
    Outcome,
    RefusalReason,
    SettleKind,
    Settlement,
    Usage,
    Wishes,
)
from services.keypool.quota_day import ends_of_day
from services.keypool.redis_keys import pool_key
from services.keypool.tokens import NewToken, Tokens
from tests.contract.keypool.conftest import VAULT, Stores
from tests.contract.keypool.orders import new_keys, order

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def keys(stores: Stores) -> None:
    await stores.admin.create("default", new_keys([2, 2]))


def tokens_of(stores: Stores) -> Tokens:
    identity = Identity()
    identity.load(VAULT.first_pepper())
    return Tokens(stores.tokens, identity)


async def limited_client(stores: Stores, **limits: int) -> str:
    """Make a token with limits and return its client."""
    token, _ = await tokens_of(stores).create(NewToken(limits=ClientLimits(**limits)))
    return token.client_id


async def acquire(stores: Stores, client: str, count: int = 1, **fields: object) -> Grant:
    return await stores.leasing.acquire(order(client_id=client, count=count, **fields), ())


async def settle(stores: Stores, lease: Lease, outcome: Outcome, usage: Usage | None) -> SettleKind:
    row = Settlement(lease.lease_id, outcome, usage=usage)
    [result], _ = await stores.leasing.settle([row], (), "default", 0)
    return result.kind


async def store_time(stores: Stores) -> datetime:
    seconds, micros = await stores.redis.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=micros // 1000)


def client_refusal(grant: Grant) -> datetime:
    """Return when the client may ask again, when it is its own limit that refuses."""
    assert grant.refusal is not None
    assert grant.refusal.reason is RefusalReason.CLIENT_LIMIT
    assert grant.refusal.retry_at is not None
    return grant.refusal.retry_at


class TestMinute:
    async def test_no_more_than_the_limit_is_granted(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=5)
        before = await store_time(stores)

        grants = [await acquire(stores, client) for _ in range(8)]

        after = await store_time(stores)
        assert [len(grant.leases) for grant in grants] == [1] * 5 + [0] * 3
        for refused in grants[5:]:
            assert before + MINUTE <= client_refusal(refused) <= after + MINUTE

    async def test_a_block_is_granted_as_far_as_it_fits(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=5)

        grants = [await acquire(stores, client, 3), await acquire(stores, client, 3)]

        assert [len(grant.leases) for grant in grants] == [3, 2]
        assert grants[0].refusal is None
        client_refusal(grants[1])

    async def test_charges_leave_after_a_minute_and_not_before(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=4)
        await acquire(stores, client, 2)
        await move_log(stores, client, by=-59_900)
        await acquire(stores, client, 2)
        early = await acquire(stores, client)

        await move_log(stores, client, by=-200)

        late = await acquire(stores, client, 4)
        assert early.leases == ()
        assert len(late.leases) == 2
        assert client_refusal(late) - client_refusal(early) > timedelta(seconds=50)

    @pytest.mark.parametrize("limit", [1, 63, 65, 500])
    async def test_no_minute_holds_more_than_the_limit_however_high(
        self, stores: Stores, limit: int
    ) -> None:
        client = await limited_client(stores, requests_per_minute=limit)
        granted = 0
        while got := len((await acquire(stores, client, 7)).leases):
            granted += got

        raw = await stores.redis.hget(pool_key("default", "client", client), "log")

        assert granted == limit
        assert raw is not None
        assert len(raw) < 4096

    async def test_what_comes_back_unused_can_be_granted_again(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=3, requests_per_day=3)
        leases = (await acquire(stores, client, 3)).leases

        for lease in leases[:2]:
            for _ in range(2):
                await settle(stores, lease, Outcome.UNUSED, None)

        assert len((await acquire(stores, client, 3)).leases) == 2

    async def test_what_was_never_sent_can_be_granted_again(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=1)
        [lease] = (await acquire(stores, client)).leases
        no_connection = Evidence(Phase.CONNECT, Operation.GENERATE, 0, b"")

        failed = Settlement(lease.lease_id, Outcome.FAILED, evidence=no_connection)
        await stores.leasing.settle([failed], (), "default", 0)

        assert len((await acquire(stores, client)).leases) == 1

    async def test_a_charge_that_has_left_gives_nothing_back(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=2)
        [old] = (await acquire(stores, client)).leases
        await move_log(stores, client, by=-61_000)
        await acquire(stores, client, 2)

        await settle(stores, old, Outcome.UNUSED, None)

        client_refusal(await acquire(stores, client))

    async def test_a_repeated_request_is_charged_once(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=3)

        for _ in range(3):
            await acquire(stores, client, 2, request_id="a/1")

        assert len((await acquire(stores, client, 3)).leases) == 1

    async def test_what_no_project_can_serve_is_not_charged(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_minute=1)
        nowhere = Wishes(excluded_projects=("p0", "p1"))

        refused = await acquire(stores, client, wishes=nowhere)

        assert refused.refusal is not None
        assert refused.refusal.reason is RefusalReason.NO_LIVE_KEY
        assert len((await acquire(stores, client)).leases) == 1


class TestDay:
    async def test_requests_are_refused_until_midnight_pacific(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_day=2, requests_per_minute=2)

        grants = [await acquire(stores, client, 3), await acquire(stores, client)]

        assert [len(grant.leases) for grant in grants] == [2, 0]
        midnight = ends_of_day(await store_time(stores))[0]
        assert {client_refusal(grant) for grant in grants} == {midnight}

    async def test_tokens_are_counted_once_they_are_told(self, stores: Stores) -> None:
        client = await limited_client(stores, tokens_per_day=1000)
        first, second = (await acquire(stores, client, 2)).leases
        await settle(stores, first, Outcome.SUCCEEDED, Usage(400, 50, 300, 49))
        fits = await acquire(stores, client)
        await settle(stores, second, Outcome.FAILED, Usage(500, 0, 0, 1))

        refused = await acquire(stores, client)

        assert len(fits.leases) == 1
        assert client_refusal(refused) == ends_of_day(await store_time(stores))[0]

    async def test_a_new_day_begins_with_nothing_used(self, stores: Stores) -> None:
        client = await limited_client(stores, requests_per_day=2, tokens_per_day=10)
        [lease, old] = (await acquire(stores, client, 2)).leases
        await settle(stores, lease, Outcome.SUCCEEDED, Usage(20))
        client_refusal(await acquire(stores, client))

        yesterday = int((await store_time(stores)).timestamp() * 1000) - 1
        await stores.redis.hset(pool_key("default", "client", client), "day", str(yesterday))

        assert len((await acquire(stores, client)).leases) == 1
        # What was charged yesterday is not given back to today.
        await settle(stores, old, Outcome.UNUSED, None)
        assert len((await acquire(stores, client, 2)).leases) == 1


class TestChanges:
    async def test_new_limits_hold_at_once_and_know_what_was_used(self, stores: Stores) -> None:
        tokens = tokens_of(stores)
        token, _ = await tokens.create(NewToken(limits=ClientLimits(requests_per_minute=2)))
        await acquire(stores, token.client_id, 2)

        await tokens.change(token.token_id, TokenChange(limits=ClientLimits(requests_per_minute=3)))
        raised = await acquire(stores, token.client_id, 9)
        await tokens.change(token.token_id, TokenChange(limits=ClientLimits()))
        lifted = await acquire(stores, token.client_id, 9)

        assert (len(raised.leases), len(lifted.leases)) == (1, 9)
        assert not await stores.redis.exists(pool_key("default", "client", token.client_id))

    async def test_clients_share_nothing(self, stores: Stores) -> None:
        first = await limited_client(stores, requests_per_minute=1)
        second = await limited_client(stores, requests_per_minute=1)

        grants = [await acquire(stores, client) for client in (first, second, "c-unlimited")]

        assert [len(grant.leases) for grant in grants] == [1, 1, 1]

    async def test_a_revoked_token_leaves_nothing_behind(self, stores: Stores) -> None:
        tokens = tokens_of(stores)
        token, _ = await tokens.create(NewToken(limits=ClientLimits(requests_per_day=2)))

        await tokens.change(token.token_id, TokenChange(state=TokenState.REVOKED))

        assert not await stores.redis.exists(pool_key("default", "client", token.client_id))

    async def test_a_client_without_limits_leaves_no_trace(self, stores: Stores) -> None:
        grant = await acquire(stores, "c-unlimited", 5)
        for lease in grant.leases:
            await settle(stores, lease, Outcome.SUCCEEDED, Usage(5))

        assert not await stores.redis.exists(pool_key("default", "client", "c-unlimited"))


async def move_log(stores: Stores, client: str, *, by: int) -> None:
    """Let charges lie further back, in ms."""
    script = """
        local log = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'log'))
        for _, entry in ipairs(log) do entry[1] = entry[1] + ARGV[1] end
        redis.call('HSET', KEYS[1], 'log', cmsgpack.pack(log))
    """
    await stores.redis.eval(script, 1, pool_key("default", "client", client), str(by))
