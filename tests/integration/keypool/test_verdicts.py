"""What the pool learns from outcomes, and what it tells the holders of stock."""

import pytest
from gemini_balance.keypool.v1 import admin_pb2, keypool_pb2

from tests.support.keypool import Keypool, failed, kinds, secrets_of, succeeded, unused
from tests.unit.judging import bodies

QUOTA = keypool_pb2.Refusal.REASON_QUOTA


async def lease_of(keypool: Keypool, **fields: object) -> keypool_pb2.Lease:
    [lease] = (await keypool.acquire(1, **fields)).leases
    return lease


async def fail(keypool: Keypool, status: int, body: bytes) -> tuple[keypool_pb2.Lease, str]:
    """Fail one lease and return it with the rule that judged it."""
    lease = await lease_of(keypool)
    [result] = (await keypool.settle(failed(lease, status, body))).results
    return lease, result.rule_id


def seconds_until(moment: object, lease: keypool_pb2.Lease) -> float:
    """Return how long after the lease's grant a time is; the lease ends 330 s after it."""
    granted = lease.expire_time.ToMilliseconds() / 1000 - 330
    return moment.ToMilliseconds() / 1000 - granted  # type: ignore[attr-defined, no-any-return]


class TestDeadKeys:
    @pytest.mark.parametrize(
        ("status", "body", "rule"),
        [(400, bodies.KEY_INVALID, "key.invalid"), (403, bodies.SUSPENDED, "key.suspended")],
    )
    async def test_a_dead_key_is_never_leased_again(
        self, keypool: Keypool, status: int, body: bytes, rule: str
    ) -> None:
        await keypool.add_keys(*secrets_of(3))

        lease, rule_id = await fail(keypool, status, body)

        key = await keypool.key(lease.key_id)
        assert (rule_id, key.state, key.dead_reason) == (rule, admin_pb2.Key.STATE_DEAD, rule)
        assert (key.failure_count, key.success_count) == (1, 0)
        served = {lease.key_id for lease in (await keypool.acquire(20)).leases}
        assert len(served) == 2
        assert lease.key_id not in served

    async def test_the_last_key_to_die_leaves_no_live_key(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        await fail(keypool, 400, bodies.KEY_INVALID)

        refusal = (await keypool.acquire()).refusal

        assert refusal.reason == keypool_pb2.Refusal.REASON_NO_LIVE_KEY
        assert not refusal.HasField("retry_at")

    async def test_the_other_keys_of_its_project_live_on(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(3), project="shared")
        lease, _ = await fail(keypool, 400, bodies.KEY_INVALID)

        served = {lease.key_id for lease in (await keypool.acquire(10)).leases}

        assert len(served) == 2
        assert lease.key_id not in served

    async def test_a_resumed_key_is_leased_again(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        lease, _ = await fail(keypool, 400, bodies.KEY_INVALID)

        await keypool.admin.ResumeKey(admin_pb2.ResumeKeyRequest(key_id=lease.key_id))

        assert (await lease_of(keypool)).key_id == lease.key_id


class TestCooling:
    async def test_a_minute_limit_cools_one_model_of_one_project(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(2))

        lease, rule = await fail(keypool, 429, bodies.quota(bodies.PER_MINUTE, delay="30s"))

        assert rule == "quota.minute"
        same = {lease.project_id for lease in (await keypool.acquire(6)).leases}
        other = {lease.project_id for lease in (await keypool.acquire(6, model="n")).leases}
        assert lease.project_id not in same
        assert lease.project_id in other

    async def test_the_refusal_names_the_end_of_the_delay(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        lease, _ = await fail(keypool, 429, bodies.quota(bodies.PER_MINUTE, delay="30s"))

        refusal = (await keypool.acquire()).refusal

        assert refusal.reason == QUOTA
        assert 30 <= seconds_until(refusal.retry_at, lease) < 32

    async def test_a_deadline_only_extends(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        leases = (await keypool.acquire(3)).leases
        for lease, delay in zip(leases, ["40s", "10s", "20s"], strict=True):
            body = bodies.quota(bodies.PER_MINUTE, delay=delay)
            await keypool.settle(failed(lease, 429, body))

        refusal = (await keypool.acquire()).refusal

        assert 40 <= seconds_until(refusal.retry_at, leases[0]) < 42

    async def test_success_ends_a_guessed_cooling_and_no_other(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(2))
        known, guessed, *others = (await keypool.acquire(4)).leases
        assert others[0].project_id == known.project_id
        await keypool.settle(
            failed(known, 429, bodies.quota(bodies.PER_MINUTE)), failed(guessed, 429, bodies.BARE)
        )
        assert (await keypool.acquire()).refusal.reason == QUOTA

        await keypool.settle(*(succeeded(lease) for lease in others))

        served = {lease.project_id for lease in (await keypool.acquire(4)).leases}
        assert served == {guessed.project_id}

    async def test_a_day_limit_is_believed_as_long_as_it_says_at_first(
        self, keypool: Keypool
    ) -> None:
        await keypool.add_keys(*secrets_of(1))
        lease, rule = await fail(keypool, 429, bodies.quota(bodies.PER_DAY, delay="5s"))

        refusal = (await keypool.acquire()).refusal

        # Unless the day ends before.
        assert (rule, refusal.reason) == ("quota.day", QUOTA)
        assert 0 < seconds_until(refusal.retry_at, lease) < 7

    async def test_a_model_without_quota_is_absent(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        text = f"\n* Quota exceeded for metric: {bodies.METRIC}, limit: 0, model: m"
        no_value = bodies.violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier", None)
        await fail(keypool, 429, bodies.quota(no_value, text=text))

        refusal = (await keypool.acquire()).refusal

        assert refusal.reason == keypool_pb2.Refusal.REASON_MODEL_ABSENT
        assert not refusal.HasField("retry_at")
        assert (await keypool.acquire(model="n")).leases

    async def test_a_disabled_service_cools_the_project_for_all_models(
        self, keypool: Keypool
    ) -> None:
        await keypool.add_keys(*secrets_of(2))
        body = bodies.error(403, "PERMISSION_DENIED", "x", bodies.info("SERVICE_DISABLED"))
        lease, _ = await fail(keypool, 403, body)

        for model in ("m", "n"):
            served = {lease.project_id for lease in (await keypool.acquire(4, model=model)).leases}
            assert len(served) == 1
            assert lease.project_id not in served

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (400, bodies.error(400, "INVALID_ARGUMENT", "bad request")),
            (404, bodies.error(404, "NOT_FOUND", "no such model")),
            (503, bodies.OVERLOADED),
            (500, b""),
        ],
    )
    async def test_faults_of_the_client_and_of_google_punish_nobody(
        self, keypool: Keypool, status: int, body: bytes
    ) -> None:
        await keypool.add_keys(*secrets_of(1))

        for _ in range(20):
            lease, _ = await fail(keypool, status, body)

        key = await keypool.key(lease.key_id)
        assert (key.state, key.failure_count) == (admin_pb2.Key.STATE_ACTIVE, 20)

    async def test_free_calls_teach_nothing_about_quota(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(1))
        outcome = failed(await lease_of(keypool), 429, bodies.quota(bodies.PER_MINUTE))
        outcome.evidence.operation = keypool_pb2.OPERATION_COUNT_TOKENS

        await keypool.settle(outcome)

        assert (await keypool.acquire()).leases

    async def test_a_failure_and_its_replacement_are_one_call(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(2))
        lease = await lease_of(keypool)

        response = await keypool.acquire(
            4, settlements=[failed(lease, 429, bodies.quota(bodies.PER_MINUTE))]
        )

        assert lease.project_id not in {lease.project_id for lease in response.leases}


class TestWithdrawals:
    async def test_holders_are_told_once_what_to_drop(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(5))
        leases = (await keypool.acquire(5)).leases
        paused, dead, cooled = leases[:3]
        before = await keypool.settle(known_epoch=0)

        await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=paused.key_id))
        await keypool.settle(
            failed(dead, 400, bodies.KEY_INVALID),
            failed(cooled, 429, bodies.quota(bodies.PER_MINUTE)),
        )
        told = (await keypool.acquire(known_epoch=before.withdrawals.epoch)).withdrawals
        later = (await keypool.settle(known_epoch=told.epoch)).withdrawals

        assert set(told.key_ids) == {paused.key_id, dead.key_id}
        assert [(pair.project_id, pair.model) for pair in told.model_projects] == [
            (cooled.project_id, "m")
        ]
        assert told.epoch > before.withdrawals.epoch
        assert (later.epoch, list(later.key_ids), later.everything) == (told.epoch, [], False)

    async def test_too_old_an_epoch_withdraws_everything(self, keypool: Keypool) -> None:
        await keypool.add_keys(*secrets_of(2))
        first, second = (await keypool.acquire(2)).leases
        await keypool.admin.PauseKey(admin_pb2.PauseKeyRequest(key_id=first.key_id))
        known = (await keypool.settle()).withdrawals.epoch
        keys = [f"AIzaSyMany{number:029d}" for number in range(1001)]
        ids = await keypool.add_keys(*keys[:1000]) + await keypool.add_keys(keys[1000])
        for key_id in ids:
            await keypool.admin.DeleteKey(admin_pb2.DeleteKeyRequest(key_id=key_id))

        old = (await keypool.settle(known_epoch=known)).withdrawals
        new = (await keypool.settle(known_epoch=old.epoch)).withdrawals

        assert second.key_id not in old.key_ids
        assert (old.everything, new.everything) == (True, False)

    async def test_an_epoch_from_the_future_withdraws_everything(self, keypool: Keypool) -> None:
        response = await keypool.settle(known_epoch=2**60)

        assert response.withdrawals.everything


class TestUnleasedUses:
    async def test_a_report_counts_once(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(*secrets_of(1))
        use = keypool_pb2.UnleasedUse(
            report_id="9f2c",
            key_id=key_id,
            model="m",
            settlement=failed(keypool_pb2.Lease(), 429, bodies.quota(bodies.PER_MINUTE)),
        )

        responses = [await keypool.settle(unleased_uses=[use]) for _ in range(2)]

        assert [kinds(response.results) for response in responses] == [["SETTLED"], ["REPEATED"]]
        assert (await keypool.key(key_id)).failure_count == 1
        assert (await keypool.acquire()).refusal.reason == QUOTA

    async def test_a_key_that_was_never_known_is_unknown(self, keypool: Keypool) -> None:
        use = keypool_pb2.UnleasedUse(
            report_id="9f2c", key_id="kxyz", settlement=succeeded(keypool_pb2.Lease())
        )

        assert kinds((await keypool.settle(unleased_uses=[use])).results) == ["UNKNOWN"]

    async def test_results_keep_the_order_of_the_request(self, keypool: Keypool) -> None:
        [key_id] = await keypool.add_keys(*secrets_of(1))
        lease = await lease_of(keypool)
        use = keypool_pb2.UnleasedUse(
            report_id="1", key_id=key_id, model="m", settlement=succeeded(keypool_pb2.Lease())
        )
        unknown = succeeded(keypool_pb2.Lease(lease_id="made/up"))

        response = await keypool.settle(unknown, unused(lease), unused(lease), unleased_uses=[use])

        assert kinds(response.results) == ["UNKNOWN", "SETTLED", "REPEATED", "SETTLED"]


async def test_explain_tells_why_a_project_is_passed_over(keypool: Keypool) -> None:
    await keypool.add_keys(*secrets_of(4))
    leases = (await keypool.acquire(4)).leases
    dead, cooled, guessed, fine = leases
    await keypool.settle(
        failed(dead, 400, bodies.KEY_INVALID),
        failed(cooled, 429, bodies.quota(bodies.PER_MINUTE)),
        failed(guessed, 429, bodies.BARE),
    )

    response = await keypool.pool.Explain(keypool_pb2.ExplainRequest(model="m"))

    told = {project.project_id: project for project in response.projects}
    assert response.projects[0].project_id == fine.project_id
    assert [told[lease.project_id].eligible for lease in leases] == [False, False, False, True]
    assert told[dead.project_id].reason == keypool_pb2.Refusal.REASON_NO_LIVE_KEY
    assert told[cooled.project_id].reason == QUOTA
    assert "guess" in told[guessed.project_id].detail
    assert 54 <= seconds_until(told[cooled.project_id].until, cooled) < 56
