"""Changing many keys at once: named ones, and all that a filter selects."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from services.keypool import bulk_changes
from services.kit.errors import RemoteError
from tests.integration.keypool.test_keys import list_keys
from tests.support.keypool import Keypool, failed, running_keypool, secret_of, secrets_of, succeeded
from tests.unit.judging import bodies

Request = pb.BatchUpdateKeysRequest
PAUSE, RESUME, DELETE = Request.ACTION_PAUSE, Request.ACTION_RESUME, Request.ACTION_DELETE
ACTIVE, PAUSED, DEAD = pb.Key.STATE_ACTIVE, pb.Key.STATE_PAUSED, pb.Key.STATE_DEAD


async def change(keypool: Keypool, **fields: Any) -> pb.BatchUpdateKeysResponse:
    """Change keys and return what became of them, over all pages."""
    request, told = Request(**fields), pb.BatchUpdateKeysResponse()
    while True:
        page = await keypool.admin.BatchUpdateKeys(request)
        told.changed_count += page.changed_count
        told.examined_count += page.examined_count
        told.total_count = page.total_count
        told.seeded_key_ids.extend(page.seeded_key_ids)
        told.skipped_key_ids.extend(page.skipped_key_ids)
        if not page.next_page_token:
            return told
        request.page_token = page.next_page_token


async def set_fields(keypool: Keypool, key: pb.Key, *paths: str, **fields: Any) -> None:
    await change(keypool, key=key, update_mask=FieldMask(paths=list(paths)), **fields)


async def states(keypool: Keypool, **fields: Any) -> dict[str, int]:
    return {key.key_id: key.state for key in await list_keys(keypool, **fields)}


async def add_tagged(keypool: Keypool, count: int, tag: str, pool: str = "") -> list[str]:
    first = 1000 * len(await list_keys(keypool))
    keys = [pb.NewKey(secret=secret_of(first + at), tags=[tag, "all"]) for at in range(count)]
    added = await keypool.admin.CreateKeys(pb.CreateKeysRequest(keys=keys, pool=pool))
    return [result.key.key_id for result in added.results]


def tagged(tag: str) -> pb.BatchUpdateKeysRequest.Filter:
    return Request.Filter(tag=tag)


class TestNamed:
    async def test_keys_are_paused_and_resumed(self, keypool: Keypool) -> None:
        first, second, third = await keypool.add_keys(*secrets_of(3))

        told = await change(keypool, key_ids=[first, second], action=PAUSE)

        assert (told.changed_count, told.examined_count, told.total_count) == (2, 2, 2)
        assert await states(keypool) == {first: PAUSED, second: PAUSED, third: ACTIVE}
        assert {lease.key_id for lease in (await keypool.acquire(6)).leases} == {third}
        await change(keypool, key_ids=[first, second, third], action=RESUME)
        leases = (await keypool.acquire(6)).leases
        assert {lease.key_id for lease in leases} == {first, second, third}

    async def test_whatever_pool_they_are_in(self, keypool: Keypool) -> None:
        here = await keypool.add_keys(secret_of(1))
        there = await keypool.add_keys(secret_of(2), pool="other")

        told = await change(keypool, key_ids=[*here, *there], action=PAUSE)

        assert told.changed_count == 2
        assert set((await states(keypool)).values()) == {PAUSED}

    async def test_those_that_are_not_there_are_told_and_hold_nobody_up(
        self, keypool: Keypool
    ) -> None:
        gone, kept = await keypool.add_keys(*secrets_of(2))
        await change(keypool, key_ids=[gone], action=DELETE)

        told = await change(keypool, key_ids=["k-none", gone, kept], action=PAUSE)

        assert told.changed_count == 1
        assert sorted(told.skipped_key_ids) == sorted(["k-none", gone])
        assert await states(keypool) == {kept: PAUSED}

    async def test_removed_ones_that_the_settings_name_are_told(self, redis_url: str) -> None:
        async with running_keypool(redis_url, api_keys=secret_of(1)) as keypool:
            [seeded] = [key.key_id for key in await list_keys(keypool)]
            [other] = await keypool.add_keys(secret_of(2))

            told = await change(keypool, key_ids=[seeded, other], action=DELETE)

            assert (told.changed_count, list(told.seeded_key_ids)) == (2, [seeded])
            refusal = (await keypool.acquire()).refusal
            assert refusal.reason == keypool_pb2.Refusal.REASON_POOL_EMPTY

    async def test_fields_change_as_the_mask_says(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(3))
        new = pb.Key(note="night", weight=7, priority=-2, max_in_flight=1, project_id="p")

        await set_fields(
            keypool, new, "note", "weight", "priority", "max_in_flight", key_ids=ids[:2]
        )

        changed = [await keypool.key(key_id) for key_id in ids[:2]]
        told = {(key.note, key.weight, key.priority, key.max_in_flight) for key in changed}
        assert told == {("night", 7, -2, 1)}
        assert [key.project_id for key in changed] == [f"own-{key_id}" for key_id in ids[:2]]
        untouched = await keypool.key(ids[2])
        assert (untouched.note, untouched.weight, untouched.priority) == ("", 1, 0)
        assert len((await keypool.acquire(10)).leases) == 10
        assert len((await keypool.acquire(10, excluded_key_ids=[ids[2]])).leases) == 0

    async def test_they_move_to_one_project(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(60))

        await set_fields(keypool, pb.Key(project_id="one"), "project_id", key_ids=ids)

        listed = await keypool.admin.ListProjects(pb.ListProjectsRequest())
        assert [(row.project_id, len(row.key_ids)) for row in listed.projects] == [("one", 60)]
        assert {lease.project_id for lease in (await keypool.acquire(5)).leases} == {"one"}

    async def test_a_proxy_is_sealed_for_each_of_them(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(3))
        url = "http://user:hunter2secret@proxy.example:3128"

        await set_fields(keypool, pb.Key(), "proxy", key_ids=ids, proxy_url=url)
        with_proxy = {lease.proxy_url for lease in (await keypool.acquire(3)).leases}
        await set_fields(keypool, pb.Key(), "proxy", key_ids=ids)

        assert with_proxy == {url}
        assert {lease.proxy_url for lease in (await keypool.acquire(3)).leases} == {""}

    async def test_tags_come_and_go_and_others_stay(self, keypool: Keypool) -> None:
        [first] = await add_tagged(keypool, 1, "day")
        [second] = await keypool.add_keys(secret_of(77))

        await change(
            keypool, key_ids=[first, second], add_tags=["night", "äöü/"], drop_tags=["day"]
        )
        both = [list((await keypool.key(key_id)).tags) for key_id in (first, second)]
        await change(keypool, key_ids=[second], drop_tags=["night", "äöü/", "none"])

        assert both == [["all", "night", "äöü/"], ["night", "äöü/"]]
        assert list((await keypool.key(second)).tags) == []

    async def test_a_key_with_too_many_tags_stays_as_it_was(self, keypool: Keypool) -> None:
        [full] = await add_tagged(keypool, 1, "day")
        [free] = await keypool.add_keys(secret_of(77))

        told = await change(
            keypool, key_ids=[full, free], add_tags=[f"t{n}" for n in range(31)], action=PAUSE
        )

        assert (told.changed_count, list(told.skipped_key_ids)) == (1, [full])
        key = await keypool.key(full)
        assert (list(key.tags), key.state) == (["day", "all"], ACTIVE)
        assert (await keypool.key(free)).state == PAUSED


class TestSelected:
    @pytest.fixture(autouse=True)
    def pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Several pages, so that going on is part of every test."""
        monkeypatch.setattr(bulk_changes, "EXAMINED", 4)

    async def test_by_tag(self, keypool: Keypool) -> None:
        night = await add_tagged(keypool, 7, "night")
        day = await add_tagged(keypool, 7, "day")

        told = await change(keypool, filter=tagged("night"), action=PAUSE)

        assert (told.changed_count, told.examined_count, told.total_count) == (7, 14, 14)
        found = await states(keypool)
        assert {found[key_id] for key_id in night} == {PAUSED}
        assert {found[key_id] for key_id in day} == {ACTIVE}

    async def test_also_where_the_change_ends_what_was_selected_by(self, keypool: Keypool) -> None:
        ids = await add_tagged(keypool, 9, "night")

        told = await change(keypool, filter=tagged("night"), drop_tags=["night"])

        assert told.changed_count == 9
        assert await list_keys(keypool, tag="night") == []
        assert len(await list_keys(keypool, tag="all")) == len(ids)

    async def test_by_state_project_and_pool_together(self, keypool: Keypool) -> None:
        here = await keypool.add_keys(*secrets_of(6), project="p")
        await keypool.add_keys(secret_of(7), secret_of(8), project="q")
        there = await keypool.add_keys(secret_of(9), project="p", pool="other")
        await change(keypool, key_ids=here[:2], action=PAUSE)

        fits = Request.Filter(pool="default", state=ACTIVE, project_id="p")
        told = await change(keypool, filter=fits, add_tags=["found"])

        assert told.changed_count == 4
        found = {key.key_id for key in await list_keys(keypool, tag="found")}
        assert found == set(here[2:])
        both = await change(keypool, filter=Request.Filter(project_id="p"), action=DELETE)
        # Those that are gone meanwhile count as well.
        assert (both.changed_count, both.examined_count, both.total_count) == (7, 9, 9)
        assert not (found | set(there)) & set(await states(keypool))

    async def test_dead_ones_are_put_back_into_use(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(2))
        for lease in (await keypool.acquire(2)).leases:
            await keypool.settle(failed(lease, 400, bodies.KEY_INVALID))

        told = await change(keypool, filter=Request.Filter(state=DEAD), action=RESUME)

        assert told.changed_count == 2
        assert len({lease.key_id for lease in (await keypool.acquire(2)).leases}) == 2

    async def test_nothing_that_fits_is_no_error(self, keypool: Keypool) -> None:
        assert (await change(keypool, filter=tagged("none"), action=DELETE)).changed_count == 0
        await keypool.add_keys(*secrets_of(5))

        told = await change(keypool, filter=tagged("none"), action=DELETE)

        assert (told.changed_count, told.examined_count) == (0, 5)
        assert len(await states(keypool)) == 5


class TestStock:
    @pytest.mark.parametrize(("count", "everything"), [(120, False), (1200, True)])
    async def test_holders_of_stock_drop_it_at_once(
        self, keypool: Keypool, count: int, everything: bool
    ) -> None:
        ids: list[str] = []
        for first in range(0, count, 1000):
            secrets = [secret_of(number) for number in range(first, min(first + 1000, count))]
            ids += await keypool.add_keys(*secrets)
        known = (await keypool.acquire(64)).withdrawals.epoch

        for first in range(0, count, 1000):
            await change(keypool, key_ids=ids[first : first + 1000], action=PAUSE)

        told = (await keypool.settle(known_epoch=known)).withdrawals
        assert told.everything is everything
        if not everything:
            assert set(told.key_ids) == set(ids)
        again = (await keypool.settle(known_epoch=told.epoch)).withdrawals
        assert (again.everything, list(again.key_ids)) == (False, [])

    async def test_leases_that_are_open_can_still_be_settled(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(3))
        leases = (await keypool.acquire(3)).leases

        await change(keypool, key_ids=ids, action=PAUSE)
        results = (await keypool.settle(*map(succeeded, leases))).results

        assert {result.kind for result in results} == {keypool_pb2.SettleResult.KIND_SETTLED}
        assert [(await keypool.key(key_id)).success_count for key_id in ids] == [1, 1, 1]


MASK = FieldMask(paths=["note"])


@pytest.fixture
async def some(keypool: Keypool) -> AsyncIterator[Keypool]:
    await keypool.add_keys(*secrets_of(2))
    before = await list_keys(keypool)
    yield keypool
    assert await list_keys(keypool) == before


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"action": PAUSE}, "key_ids"),
        ({"action": PAUSE, "key_ids": ["k1"], "filter": tagged("x")}, "key_ids"),
        ({"action": PAUSE, "filter": Request.Filter()}, "filter"),
        ({"action": PAUSE, "filter": Request.Filter(tag="x" * 65)}, "filter.tag"),
        ({"action": PAUSE, "filter": Request.Filter(project_id="a b")}, "filter.project_id"),
        ({"action": PAUSE, "key_ids": [f"k{n}" for n in range(1001)]}, "key_ids"),
        ({"action": PAUSE, "key_ids": ["a b"]}, "key_ids[0]"),
        ({"action": PAUSE, "key_ids": ["k1"], "page_token": "x"}, "page_token"),
        ({"action": PAUSE, "filter": tagged("x"), "page_token": "x"}, "page_token"),
        ({"action": 9, "key_ids": ["k1"]}, "action"),
        ({"key_ids": ["k1"]}, "update_mask"),
        ({"key_ids": ["k1"], "update_mask": FieldMask(paths=["state"])}, "update_mask"),
        ({"key_ids": ["k1"], "update_mask": MASK, "action": DELETE}, "action"),
        ({"key_ids": ["k1"], "add_tags": ["a"], "action": DELETE}, "action"),
        ({"key_ids": ["k1"], "add_tags": [""]}, "add_tags[0]"),
        (
            {"key_ids": ["k1"], "add_tags": ["a"], "update_mask": FieldMask(paths=["tags"])},
            "add_tags",
        ),
        (
            {"key_ids": ["k1"], "update_mask": MASK, "key": pb.Key(note="x" * 513)},
            "key.note",
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    some: Keypool, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RemoteError) as failure:
        await some.admin.BatchUpdateKeys(Request(**fields))

    assert failure.value.code.name == "INVALID_ARGUMENT"
    assert str(failure.value).startswith(f"{problem}: ")


async def test_only_operators_may(keypool: Keypool) -> None:
    with pytest.raises(RemoteError) as failure:
        await keypool.pool.BatchUpdateKeys(Request(key_ids=["k1"], action=DELETE))

    assert failure.value.reason == "SCOPE_MISSING"
