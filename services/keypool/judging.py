"""From an outcome to what the store has to do: the verdict with its times."""

from dataclasses import replace
from datetime import timedelta

from services.judging import Effect, judge
from services.judging.error_body import read_error_body
from services.keypool.identity import Identity
from services.keypool.model import Outcome, Settlement, UnleasedUse
from services.keypool.store import OutcomeRow

GUESSING_RULES = frozenset({"quota.bare"})
"""Rules whose time is a guess: a success of the same model ends the cool-down."""

SHORTEST_DAY_COOLING = timedelta(minutes=5)
"""Google announces delays of seconds even for a limit that ends at midnight."""


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
    )
    return _with_verdict(row, use.settlement)


def _with_verdict(row: OutcomeRow, settlement: Settlement) -> OutcomeRow:
    evidence = settlement.evidence
    if settlement.outcome is not Outcome.FAILED or evidence is None:
        return row
    verdict = judge(evidence)
    ends_with_day = verdict.effect is Effect.COOL_MODEL and verdict.cool_for is None
    return replace(
        row,
        effect=verdict.effect,
        cool_for=_day_cooling(evidence.body) if ends_with_day else verdict.cool_for or timedelta(),
        is_guess=verdict.rule_id in GUESSING_RULES,
        ends_with_day=ends_with_day,
        rule_id=verdict.rule_id,
    )


def _day_cooling(body: bytes) -> timedelta:
    delay = read_error_body(body).retry_delay or timedelta()
    return max(delay, SHORTEST_DAY_COOLING)
