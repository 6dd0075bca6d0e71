"""Which keys share a project: told by numbers, by refusals that coincide, and on demand."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2
from redis.asyncio import Redis

from services.simulator.server import Simulator
from tests.integration.keypool.test_projects import disabled, projects, refused
from tests.integration.keypool.test_seeding import everything
from tests.support.keypool import Keypool, failed, running_keypool, secret_of, secrets_of
from tests.support.upstream import upstream
from tests.support.waiting import eventually
from tests.unit.judging import bodies

ACTIVE = admin_pb2.Key.STATE_ACTIVE


@contextlib.asynccontextmanager
async def pool_over(
    redis_url: str, groups: Sequence[Sequence[int]], **values: object
) -> AsyncIterator[tuple[Keypool, Simulator, dict[int, str]]]:
    """Run a key pool whose undeclared keys share projects at the upstream as `groups` says."""
    numbers = [number for group in groups for number in group]
    projects_of = {
        secret_of(number): f"p{place}" for place, group in enumerate(groups) for number in group
    }
    async with (
        upstream(projects_of) as simulator,
        running_keypool(redis_url, base_url=simulator.url, **values) as keypool,
    ):
        ids = await keypool.add_keys(*(secret_of(number) for number in numbers))
        yield keypool, simulator, dict(zip(numbers, ids, strict=True))


async def groups_of(keypool: Keypool) -> set[frozenset[str]]:
    """Return the keys of each project."""
    return {frozenset(project.key_ids) for project in await projects(keypool)}


async def discover(keypool: Keypool, **fields: object) -> list[admin_pb2.DiscoverProjectsResponse]:
    request = admin_pb2.DiscoverProjectsRequest(**fields)  # type: ignore[arg-type]
    return [finding async for finding in keypool.admin.stream("DiscoverProjects", request)]


async def files_left(simulator: Simulator) -> list[str]:
    """Return the files that were made and not deleted."""
    made, gone = set(), set()
    for request in await simulator.control.requests(5000):
        if request.verb == "files.get":
            made.add(request.path.rsplit("/", 1)[1])
        if request.verb == "files.delete" and request.outcome == "200":
            gone.add(request.path.rsplit("/", 1)[1])
    return sorted(made - gone)


class TestNumbers:
    async def test_keys_with_one_project_number_are_merged(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(3))
        leases = {lease.key_id: lease for lease in (await keypool.acquire(3)).leases}

        for key_id, number in zip(ids, (1000000001, 1000000002, 1000000001), strict=True):
            await keypool.settle(failed(leases[key_id], 403, disabled(number)))

        await eventually(
            lambda: groups_of(keypool),
            lambda found: found == {frozenset({ids[0], ids[2]}), frozenset({ids[1]})},
        )
        [merged] = [each for each in await projects(keypool) if len(each.key_ids) == 2]
        assert merged.origin == "number"
        assert merged.audit[0].endswith("the upstream has one project number for both")

    async def test_the_old_form_of_a_429_tells_it_too(self, keypool: Keypool) -> None:
        ids = await keypool.add_keys(*secrets_of(2))
        sentence = bodies.error(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit "
            "'GenerateContent request limit per minute for a region' of service "
            "'generativelanguage.googleapis.com' for consumer 'project_number:1000000001'.",
        )

        for lease in (await keypool.acquire(2)).leases:
            await keypool.settle(failed(lease, 429, sentence))

        await eventually(lambda: groups_of(keypool), lambda found: found == {frozenset(ids)})

    async def test_a_key_joins_the_declared_project_of_its_number(self, keypool: Keypool) -> None:
        [own] = await keypool.add_keys(secret_of(1))
        [declared] = await keypool.add_keys(secret_of(2), project="team-a")

        for lease in (await keypool.acquire(2)).leases:
            await keypool.settle(failed(lease, 403, disabled(1000000001)))

        await eventually(
            lambda: groups_of(keypool), lambda found: found == {frozenset({own, declared})}
        )
        [merged] = await projects(keypool)
        assert (merged.project_id, merged.origin) == ("team-a", "declared")

    async def test_declared_projects_are_never_merged(self, keypool: Keypool) -> None:
        await keypool.add_keys(secret_of(1), project="team-a")
        await keypool.add_keys(secret_of(2), project="team-b")
        first, second = await keypool.add_keys(secret_of(3), secret_of(4))
        leases = sorted((await keypool.acquire(4)).leases, key=lambda lease: lease.project_id)

        for number, lease in zip((7000, 7000, 8000, 8000), leases[2:] + leases[:2], strict=True):
            await keypool.settle(failed(lease, 403, disabled(number)))

        # Outcomes are followed up in their order, so the last one stands for all.
        del first, second
        await eventually(lambda: projects(keypool), lambda found: len(found) == 3)
        assert {"team-a", "team-b"} < {each.project_id for each in await projects(keypool)}

    async def test_no_number_is_kept_or_told(self, keypool: Keypool, redis_url: str) -> None:
        await keypool.add_keys(*secrets_of(2))
        for lease in (await keypool.acquire(2)).leases:
            await keypool.settle(failed(lease, 403, disabled(987654321012)))
        [merged] = await eventually(lambda: projects(keypool), lambda found: len(found) == 1)

        async with Redis.from_url(redis_url) as redis:
            stored = await everything(redis) + str(merged).encode()

        assert b"987654321012" not in stored


class TestCoinciding:
    async def refuse_all(self, keypool: Keypool, count: int) -> None:
        """Let every project be refused for quota at the same time."""
        leases = (await keypool.acquire(count)).leases
        assert len(leases) == count
        body = bodies.quota(bodies.PER_MINUTE, delay="0.001s")
        await keypool.settle(*(failed(lease, 429, body) for lease in leases))

    async def make_older(self, redis_url: str) -> None:
        """Let time pass since projects were last refused together, and cool-downs end."""
        async with Redis.from_url(redis_url) as redis:
            name = "gb:1:{default}:pp"
            await eventually(lambda: redis.hlen(name), bool)
            await redis.delete("gb:1:{default}:R:m")
            for pair, value in (await redis.hgetall(name)).items():
                count, last = value.split()
                await redis.hset(name, pair, f"{int(count)} {float(last) - 30_000:.0f}")

    async def test_projects_refused_together_again_are_compared_and_merged(
        self, redis_url: str
    ) -> None:
        async with pool_over(redis_url, [[1, 2], [3]]) as (keypool, simulator, ids):
            await self.refuse_all(keypool, 3)
            await self.make_older(redis_url)
            assert len(await projects(keypool)) == 3

            await eventually(lambda: self.refuse_some(keypool), bool)

            together = {frozenset({ids[1], ids[2]}), frozenset({ids[3]})}
            await eventually(lambda: groups_of(keypool), lambda found: found == together)
            [merged] = [each for each in await projects(keypool) if len(each.key_ids) == 2]
            assert merged.origin == "probe"
            await eventually(lambda: files_left(simulator), lambda left: not left)
            assert (await simulator.control.counts()).total.by_verb.get("generateContent", 0) == 0

    async def refuse_some(self, keypool: Keypool) -> bool:
        """Let every project be refused once more as soon as none is cooling."""
        answer = await keypool.acquire(3)
        body = bodies.quota(bodies.PER_MINUTE, delay="0.001s")
        if len(answer.leases) < 3:
            unused = keypool_pb2.OUTCOME_UNUSED
            await keypool.settle(
                *(
                    keypool_pb2.Settlement(lease_id=lease.lease_id, outcome=unused)
                    for lease in answer.leases
                )
            )
            return False
        await keypool.settle(*(failed(lease, 429, body) for lease in answer.leases))
        return True

    async def test_nothing_is_compared_when_switched_off(self, redis_url: str) -> None:
        pool = pool_over(redis_url, [[1, 2]], discover_projects=False)
        async with pool as (keypool, simulator, _), Redis.from_url(redis_url) as redis:
            await self.refuse_all(keypool, 2)
            # The same queue takes numbers: once this one is followed up, so were the refusals.
            [lease] = (await keypool.acquire(1, model="other")).leases
            await keypool.settle(failed(lease, 403, disabled(1000000001)))
            await eventually(lambda: redis.hlen("gb:1:{default}:pn"), bool)

            assert await redis.hlen("gb:1:{default}:pp") == 0
            assert (await simulator.control.counts()).total.requests == 0


class TestOnDemand:
    async def test_twenty_keys_in_four_projects_are_grouped(self, redis_url: str) -> None:
        groups = [list(range(start, 20, 4)) for start in range(4)]
        async with pool_over(redis_url, groups) as (keypool, simulator, ids):
            findings = await discover(keypool)

            assert await groups_of(keypool) == {
                frozenset(ids[number] for number in group) for group in groups
            }
            assert [finding.done_count for finding in findings] == list(range(1, 21))
            assert {finding.total_count for finding in findings} == {20}
            assert sum(finding.moved for finding in findings) == 16
            assert {finding.key_id for finding in findings} == set(ids.values())
            counts = (await simulator.control.counts()).total
            assert counts.by_verb["upload.raw"] == 4
            # At most one read for each key and group, instead of one for each pair.
            assert counts.by_verb["files.get"] <= 20 * 4
            assert counts.by_verb["files.delete"] == 4
            assert set(counts.by_verb) == {"upload.raw", "files.get", "files.delete"}

    async def test_a_second_run_finds_nothing_new(self, redis_url: str) -> None:
        async with pool_over(redis_url, [[1, 2, 3], [4]]) as (keypool, _, _):
            await discover(keypool)
            before = await projects(keypool)

            findings = await discover(keypool)

            assert not any(finding.moved for finding in findings)
            assert await projects(keypool) == before

    async def test_a_dry_run_merges_nothing(self, redis_url: str) -> None:
        async with pool_over(redis_url, [[1, 2]]) as (keypool, _, _):
            findings = await discover(keypool, dry_run=True)

            assert [finding.moved for finding in findings] == [False, True]
            assert findings[1].detail == f"would be merged into {findings[0].project_id}"
            assert len(await projects(keypool)) == 2

    async def test_only_the_named_keys_are_examined(self, redis_url: str) -> None:
        async with pool_over(redis_url, [[1, 2, 3]]) as (keypool, _, ids):
            findings = await discover(keypool, key_ids=[ids[1], ids[3]])

            assert {finding.key_id for finding in findings} == {ids[1], ids[3]}
            assert await groups_of(keypool) == {frozenset({ids[1], ids[3]}), frozenset({ids[2]})}

    async def test_a_key_joins_a_declared_project_and_none_of_those_ends(
        self, redis_url: str
    ) -> None:
        async with pool_over(redis_url, [[1, 2], [3]]) as (keypool, simulator, ids):
            for number, project in ((11, "team-a"), (12, "team-b")):
                await simulator.control.put_key(secret_of(number), project="p0")
                await keypool.add_keys(secret_of(number), project=project)

            findings = await discover(keypool)

            assert {finding.key_id for finding in findings} == set(ids.values())
            found = {each.project_id: each for each in await projects(keypool)}
            assert set(found) == {"team-a", "team-b", f"own-{ids[3]}"}
            sizes = sorted(len(found[name].key_ids) for name in ("team-a", "team-b"))
            assert sizes == [1, 3]

    async def test_what_cannot_be_examined_is_told(self, redis_url: str) -> None:
        async with pool_over(redis_url, [[1], [2], [3]]) as (keypool, simulator, ids):
            await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=ids[1]))
            await simulator.control.put_key(secret_of(2), state="leaked")

            findings = {finding.key_id: finding for finding in await discover(keypool)}

            assert findings[ids[1]].detail == "not examined: the key is paused"
            assert findings[ids[2]].detail.startswith("not examined: ")
            assert findings[ids[3]].detail == "a project of its own"
            assert not any(finding.moved for finding in findings.values())

    @pytest.mark.parametrize(
        ("key_ids", "expected"),
        [
            (["k-none"], ("NOT_FOUND", "KEY_UNKNOWN")),
            (["of-declared"], ("INVALID_ARGUMENT", "INVALID_REQUEST")),
        ],
    )
    async def test_keys_that_cannot_be_examined_are_refused(
        self, keypool: Keypool, key_ids: list[str], expected: tuple[str, str]
    ) -> None:
        [declared] = await keypool.add_keys(secret_of(1), project="team-a")
        named = [declared if key_id == "of-declared" else key_id for key_id in key_ids]

        assert await refused(discover(keypool, key_ids=named)) == expected

    async def test_an_upstream_that_is_away_merges_nothing(self, redis_url: str) -> None:
        async with running_keypool(redis_url, base_url="http://127.0.0.1:9") as keypool:
            await keypool.add_keys(*secrets_of(2))

            findings = await discover(keypool)

            assert {finding.detail for finding in findings} == {
                "not examined: no file could be made (HTTP none)"
            }
            assert len(await projects(keypool)) == 2

    async def test_keys_travel_in_headers_alone(self, redis_url: str) -> None:
        async with pool_over(redis_url, [[1, 2]]) as (keypool, simulator, _):
            await discover(keypool)

            for request in await simulator.control.requests():
                assert not re.search("key=|AIza", request.path + request.query)
                assert (request.header("x-goog-api-key") or "").startswith("AIza")
