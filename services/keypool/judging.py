"""From an outcome to what the store has to do: the verdict with its times."""

from datetime import timedelta

from services.judging import Effect, Fault, Phase, Retry, judge
from services.judging.error_body import ErrorBody, read_error_body
from services.judging.rules import LONGEST_MINUTE_DELAY
from services.keypool.identity import Identity
from services.keypool.model import Outcome, Settlement, UnleasedUse
from services.keypool.project_store import Limits
from services.keypool.quotas import read_limits
from services.keypool.store import OutcomeRow

GUESSING_RULES = frozenset({"quota.bare"})
"""Rules whose time is a guess: a success of the same model ends the cool-down."""

UNTOLD_DAY_DELAY = timedelta(minutes=5)
"""For how long a day's limit is believed at first that comes without a delay."""

SHORTEST_DAY_DELAY = timedelta(seconds=1)
WHOLE_DAY = timedelta(days=2)
"""Until the quota day ends, which is what bounds it."""


def judge_lease(settlement: Settlement, identity: Identity) -> OutcomeRow | None:
    """Return what to do about a lease's outcome, None when the lease is not ours."""
    name = identity.open_lease(settlement.lease_id)
    if name is None:
        return None
    row = OutcomeRow(
        raw_id=name.raw,
        report_id="",
        pool=name.pool,
        key_id=name.key_id,
        project_id=name.project_id,
        model=name.model,
        outcome=settlement.outcome,
        client_id=settlement.client_id or name.client_id,
        usage=settlement.usage,
        started_at=settlement.started_at,
    )
    return _with_verdict(row, settlement)


def judge_use(use: UnleasedUse) -> OutcomeRow:
    """Return what to do about a use without a lease."""
    row = OutcomeRow(
        raw_id="",
        report_id=use.report_id,
        pool=use.pool,
        key_id=use.key_id,
        project_id="",
        model=use.model,
        outcome=use.settlement.outcome,
        client_id=use.client_id,
        usage=use.settlement.usage,
        started_at=use.settlement.started_at,
    )
    return _with_verdict(row, use.settlement)


def _with_verdict(row: OutcomeRow, settlement: Settlement) -> OutcomeRow:
    evidence = settlement.evidence
    if settlement.outcome is not Outcome.FAILED or evidence is None:
        return row
    verdict = judge(evidence)
    body = read_error_body(evidence.body)
    ends_with_day = verdict.effect is Effect.COOL_MODEL and verdict.cool_for is None
    return row._replace(
        effect=verdict.effect,
        cool_for=_day_cooling(body) if ends_with_day else verdict.cool_for or timedelta(),
        is_guess=verdict.rule_id in GUESSING_RULES,
        ends_with_day=ends_with_day,
        rule_id=verdict.rule_id,
        is_unsent=evidence.phase is Phase.CONNECT,
        # What is repaired was spoilt by the change of keys, not by the client.
        is_blameless=verdict.fault is not Fault.REQUEST or verdict.retry is Retry.REPAIRED,
        told_limits=(
            read_limits(body.violations) if verdict.effect is Effect.COOL_MODEL else Limits()
        ),
    )


def _day_cooling(body: ErrorBody) -> timedelta:
    """Return the first rung: Google announces seconds even for a limit that ends at midnight.

    A short delay is tried, since it may be the truth; the store lets further
    failures wait longer, and at last until the day ends.
    """
    delay = body.retry_delay
    if delay is None:
        return UNTOLD_DAY_DELAY
    return WHOLE_DAY if delay > LONGEST_MINUTE_DELAY else max(delay, SHORTEST_DAY_DELAY)
