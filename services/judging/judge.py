"""The judging function: the first rule of the table that fits decides."""

from dataclasses import replace

from services.judging.error_body import read_error_body
from services.judging.evidence import Evidence, Phase
from services.judging.rules import ANSWER_RULES, STREAM_BROKEN, TRANSPORT_LOST, UNREACHED, Rule
from services.judging.verdict import Effect, Retry, Verdict


def judge(evidence: Evidence) -> Verdict:
    """Say what follows from a failed upstream call.

    Total: any status and any bytes get a verdict. A `cool_for` of None with the
    effect `COOL_MODEL` means until the quota day ends, which takes a calendar.
    """
    if evidence.phase is Phase.CONNECT:
        return UNREACHED
    if evidence.phase is Phase.SENT:
        return _settle_retry(TRANSPORT_LOST, evidence)
    body = read_error_body(evidence.body)
    status = evidence.status
    if evidence.phase is Phase.STREAM and not 400 <= status <= 599:
        # The HTTP status of a stream was 200: the error frame tells the code.
        status = body.code
        if not 400 <= status <= 599:
            return STREAM_BROKEN
    rule = next(rule for rule in ANSWER_RULES if rule.fits(status, body))
    verdict = rule.verdict
    if rule.cooling is not None:
        verdict = replace(verdict, cool_for=rule.cooling(body))
    if evidence.operation.is_free and verdict.effect is not Effect.KILL_KEY:
        # Free calls have limits of their own, which say nothing about the model's.
        verdict = replace(verdict, effect=Effect.NONE, cool_for=None)
    return _settle_retry(replace(rule, verdict=verdict), evidence)


def _settle_retry(rule: Rule, evidence: Evidence) -> Verdict:
    is_repeatable = evidence.operation.is_repeatable or not rule.may_have_acted
    if evidence.phase is Phase.STREAM or not is_repeatable:
        return replace(rule.verdict, retry=Retry.NEVER)
    return rule.verdict
