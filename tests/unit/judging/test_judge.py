"""Each row of the table, and what holds whatever the answer."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.judging import Effect, Evidence, Fault, Operation, Phase, Retry, Verdict, judge
from services.judging.rules import ANSWER_RULES, STREAM_BROKEN, TRANSPORT_LOST, UNREACHED
from tests.unit.judging import bodies
from tests.unit.judging.answers import ROWS as OF_GEMINI
from tests.unit.judging.answers import Row
from tests.unit.judging.bodies import error
from tests.unit.judging.vertex_answers import ELSEWHERE, VERTEX_ROWS

ROWS = OF_GEMINI + VERTEX_ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{row.rule_id}")
def test_an_answer_is_judged_by_its_row(row: Row) -> None:
    verdict = judge(Evidence(Phase.ANSWERED, Operation.GENERATE, row.status, row.body))

    assert verdict == Verdict(row.rule_id, row.fault, row.retry, row.effect, row.cool_for)


def test_a_refusal_of_all_keys_harms_none_where_keys_are_of_the_right_kind() -> None:
    body, expected = ELSEWHERE

    verdict = judge(Evidence(Phase.ANSWERED, Operation.GENERATE, 401, body))

    assert (verdict.fault, verdict.retry, verdict.effect) == expected


def test_every_rule_of_the_table_has_a_row() -> None:
    assert {rule.verdict.rule_id for rule in ANSWER_RULES} == {row.rule_id for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{row.rule_id}")
def test_an_error_in_a_stream_teaches_the_same_but_is_never_retried(row: Row) -> None:
    if not 400 <= row.status < 600:
        return
    verdict = judge(Evidence(Phase.STREAM, Operation.GENERATE, row.status, row.body))

    assert verdict == Verdict(row.rule_id, row.fault, Retry.NEVER, row.effect, row.cool_for)


@pytest.mark.parametrize("frame", [bodies.BARE, b"data: " + bodies.BARE, b"[" + bodies.BARE + b"]"])
def test_the_code_of_an_error_frame_is_found_in_the_frame(frame: bytes) -> None:
    verdict = judge(Evidence(Phase.STREAM, Operation.GENERATE, 200, frame))

    assert verdict.rule_id == "quota.bare"
    assert verdict.effect is Effect.COOL_MODEL


@pytest.mark.parametrize("body", [b"", b"data: {", b'{"candidates":[]}', b'{"error":{"code":7}}'])
def test_a_stream_that_just_ends_is_broken(body: bytes) -> None:
    assert judge(Evidence(Phase.STREAM, Operation.GENERATE, 0, body)) == STREAM_BROKEN


@pytest.mark.parametrize("operation", Operation)
def test_what_was_not_sent_may_be_sent_elsewhere(operation: Operation) -> None:
    verdict = judge(Evidence(Phase.CONNECT, operation))

    assert verdict == UNREACHED
    assert verdict.retry is Retry.OTHER_PROJECT


@pytest.mark.parametrize(
    ("operation", "retry"),
    [
        (Operation.GENERATE, Retry.OTHER_PROJECT_ONCE),
        (Operation.EMBED, Retry.OTHER_PROJECT_ONCE),
        (Operation.COUNT_TOKENS, Retry.OTHER_PROJECT_ONCE),
        (Operation.READ, Retry.OTHER_PROJECT_ONCE),
        (Operation.CREATE, Retry.NEVER),
        (Operation.SESSION, Retry.NEVER),
    ],
)
def test_what_may_have_been_done_is_repeated_only_where_that_is_harmless(
    operation: Operation, retry: Retry
) -> None:
    lost = judge(Evidence(Phase.SENT, operation))
    failed = judge(Evidence(Phase.ANSWERED, operation, 500))
    overloaded = judge(Evidence(Phase.ANSWERED, operation, 503, bodies.OVERLOADED))

    assert lost.rule_id == TRANSPORT_LOST.verdict.rule_id
    assert (lost.retry, failed.retry) == (retry, retry)
    assert overloaded.retry is Retry.OTHER_PROJECT_ONCE


@pytest.mark.parametrize("operation", [Operation.COUNT_TOKENS, Operation.READ])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{row.rule_id}")
def test_free_operations_teach_nothing_but_dead_keys(operation: Operation, row: Row) -> None:
    verdict = judge(Evidence(Phase.ANSWERED, operation, row.status, row.body))

    expected = Effect.KILL_KEY if row.effect is Effect.KILL_KEY else Effect.NONE
    assert (verdict.rule_id, verdict.effect, verdict.cool_for) == (row.rule_id, expected, None)


def test_a_body_cut_off_in_the_middle_is_judged_by_its_status() -> None:
    verdict = judge(Evidence(Phase.ANSWERED, Operation.GENERATE, 400, bodies.KEY_INVALID[:-40]))

    assert verdict.rule_id == "request.invalid"


FIELDS = [
    *("error", "code", "status", "message", "details", "reason", "violations"),
    *("quotaId", "quotaMetric", "quotaValue", "retryDelay"),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
        )
    ),
    max_leaves=20,
)


@given(
    phase=st.sampled_from(Phase),
    operation=st.sampled_from(Operation),
    status=st.integers(-(2**31), 2**31 - 1) | st.sampled_from([400, 401, 403, 429, 503]),
    body=st.binary(max_size=200)
    | JSON_VALUES.map(lambda value: json.dumps({"error": value}).encode())
    | st.just(b"[" * 20_000),
)
def test_anything_at_all_gets_a_verdict(
    phase: Phase, operation: Operation, status: int, body: bytes
) -> None:
    verdict = judge(Evidence(phase, operation, status, body))

    assert verdict.rule_id
    if phase is Phase.STREAM:
        assert verdict.retry is Retry.NEVER
    if verdict.effect is Effect.KILL_KEY:
        assert verdict.fault is Fault.KEY
    if verdict.cool_for is not None:
        assert timedelta(seconds=1) <= verdict.cool_for <= timedelta(days=1)


@given(text=st.text(max_size=60))
def test_no_text_quoted_after_the_opening_kills_a_key(text: str) -> None:
    body = error(400, "INVALID_ARGUMENT", f"Invalid value at 'contents': {text}")

    verdict = judge(Evidence(Phase.ANSWERED, Operation.GENERATE, 400, body))

    assert verdict.effect is Effect.NONE
