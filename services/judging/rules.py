"""The table of rules, in the order in which they are tried.

Rules that harm a key rest on what Google alone can write: the reason of an
ErrorInfo or the beginning of a message. A message may quote the request further
on, and no client may talk a key to death.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.judging.error_body import ErrorBody
from services.judging.verdict import Effect, Fault, Retry, Verdict

SHORTEST_COOLING = timedelta(seconds=1)
LONGEST_COOLING = timedelta(seconds=65)
"""A minute's limit is free again after a minute, whatever the body says."""

GUESSED_COOLING = timedelta(seconds=60)
"""For quota errors without a delay."""

LONGEST_MINUTE_DELAY = timedelta(minutes=5)
"""An unnamed limit with a longer delay is a day's."""

PROJECT_COOLING = timedelta(hours=1)
"""For what an operator sets right in Google's console."""

RESTRICTED_COOLING = timedelta(minutes=10)
ABSENT_COOLING = timedelta(days=1)

Condition = Callable[[int, ErrorBody], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Attributes:
        verdict: What follows.
        fits: Whether the rule applies to a status and a body.
        cooling: How long the effect lasts, when the body decides.
        may_have_acted: Whether the upstream may have done the work all the same.
    """

    verdict: Verdict
    fits: Condition
    cooling: Callable[[ErrorBody], timedelta] | None = None
    may_have_acted: bool = False


def _status(*statuses: int) -> Condition:
    return lambda status, _body: status in statuses


def _begins(*openings: str) -> Condition:
    return lambda _status, body: body.message.startswith(openings)


def _reason(*reasons: str) -> Condition:
    return lambda _status, body: not body.reasons.isdisjoint(reasons)


def _service(name: str) -> Condition:
    return lambda _status, body: name in body.services


def _window(*windows: str) -> Condition:
    return lambda _status, body: any(
        window in violation.quota_id for violation in body.violations for window in windows
    )


def _all(*conditions: Condition) -> Condition:
    return lambda status, body: all(fits(status, body) for fits in conditions)


def _any(*conditions: Condition) -> Condition:
    return lambda status, body: any(fits(status, body) for fits in conditions)


_SUSPENDED = re.compile(r"Permission denied: Consumer '[^']*' has been suspended")
_ZERO_LIMIT = re.compile(
    r"^\* Quota exceeded for metric: [^\s,]+, limit: 0(?=,|\s|$)", re.MULTILINE
)


def _consumer_is_suspended(_status: int, body: ErrorBody) -> bool:
    return bool(_SUSPENDED.match(body.message))


def _is_not_google(_status: int, body: ErrorBody) -> bool:
    return body.status != "UNAUTHENTICATED"


def _limit_is_zero(_status: int, body: ErrorBody) -> bool:
    # JSON leaves out a quotaValue of zero, so the text is asked too.
    return any(violation.value == 0 for violation in body.violations) or bool(
        _ZERO_LIMIT.search(body.message)
    )


def _counts_tokens(_status: int, body: ErrorBody) -> bool:
    return bool(body.violations) and all(
        "token" in (violation.metric + violation.quota_id).lower() for violation in body.violations
    )


def _has_violations(_status: int, body: ErrorBody) -> bool:
    return bool(body.violations)


def _delay_is_long(_status: int, body: ErrorBody) -> bool:
    return body.retry_delay is not None and body.retry_delay > LONGEST_MINUTE_DELAY


def _delay_is_known(_status: int, body: ErrorBody) -> bool:
    return body.retry_delay is not None


def _page_says(*phrases: str) -> Condition:
    return lambda _status, body: any(phrase in body.page for phrase in phrases)


_SIGNATURE = re.compile(
    r"^(Corrupted|Invalid) thought signature|^Thought signature is not valid"
    r"|^(Function call|Part) is missing a thought_signature"
    r"|^[^\n]{0,200}missing a `?thought_signature`?",
    re.IGNORECASE,
)


def _mentions_signature(_status: int, body: ErrorBody) -> bool:
    return bool(_SIGNATURE.match(body.message))


def _client_error(status: int, _body: ErrorBody) -> bool:
    return 400 <= status < 500


def _always(_status: int, _body: ErrorBody) -> bool:
    return True


def _until_retry(body: ErrorBody) -> timedelta:
    delay = GUESSED_COOLING if body.retry_delay is None else body.retry_delay
    return min(max(delay, SHORTEST_COOLING), LONGEST_COOLING)


def _dead_key(rule_id: str) -> Verdict:
    return Verdict(rule_id, Fault.KEY, Retry.OTHER_KEY, Effect.KILL_KEY)


def _cool_project(rule_id: str, cool_for: timedelta) -> Verdict:
    return Verdict(rule_id, Fault.PROJECT, Retry.OTHER_PROJECT, Effect.COOL_PROJECT, cool_for)


def _cool_model(rule_id: str) -> Verdict:
    return Verdict(rule_id, Fault.PROJECT_MODEL, Retry.OTHER_PROJECT, Effect.COOL_MODEL)


def _try_elsewhere(rule_id: str, fault: Fault) -> Verdict:
    return Verdict(rule_id, fault, Retry.OTHER_PROJECT_ONCE)


def _give_up(rule_id: str, fault: Fault) -> Verdict:
    return Verdict(rule_id, fault, Retry.NEVER)


UNREACHED = Verdict("transport.connect", Fault.EGRESS, Retry.OTHER_PROJECT)
"""Nothing was sent."""

TRANSPORT_LOST = Rule(
    _try_elsewhere("transport.lost", Fault.UPSTREAM), _always, may_have_acted=True
)
"""Sent, and no answer."""

STREAM_BROKEN = _give_up("stream.broken", Fault.UPSTREAM)
"""An answer that had begun ended without an error of its own."""

ANSWER_RULES: tuple[Rule, ...] = (
    # A page instead of JSON: something before the API answered.
    Rule(
        _try_elsewhere("egress.automated", Fault.EGRESS),
        _page_says("automated queries", "unusual traffic"),
    ),
    # The key. Google answers 400 for most bad keys.
    Rule(_dead_key("key.expired"), _all(_status(400, 401, 403), _begins("API key expired"))),
    Rule(
        _dead_key("key.invalid"),
        _all(
            _status(400, 401, 403),
            _any(
                _reason("API_KEY_INVALID"),
                _begins("API key not valid", "API Key not found"),
            ),
        ),
    ),
    Rule(
        _dead_key("key.leaked"),
        _all(_status(400, 401, 403), _begins("Your API key was reported as leaked")),
    ),
    Rule(
        _dead_key("key.suspended"),
        _all(
            _status(403),
            _any(_reason("CONSUMER_SUSPENDED"), _consumer_is_suspended),
        ),
    ),
    Rule(_dead_key("key.blocked"), _all(_status(403), _reason("API_KEY_SERVICE_BLOCKED"))),
    Rule(
        # Vertex express takes keys of its own only; elsewhere this is said of a method.
        _dead_key("key.wrong-kind"),
        _all(
            _status(401),
            _begins("API keys are not supported by this API"),
            _service("aiplatform.googleapis.com"),
        ),
    ),
    # Ours: what we sent was put together wrongly.
    Rule(
        _give_up("ours.credentials", Fault.OURS),
        _any(
            _all(_status(400), _begins("Multiple authentication credentials received")),
            _all(_status(401), _reason("OVERLOADED_CREDENTIALS", "CREDENTIALS_MISSING")),
            _all(_status(401), _is_not_google),
        ),
    ),
    Rule(
        # Reported now and then for good keys, so another one is tried.
        _try_elsewhere("ours.unregistered", Fault.OURS),
        _all(_status(403), _begins("Method doesn't allow unregistered callers")),
    ),
    Rule(
        _dead_key("key.unauthenticated"),
        _status(401),
    ),
    # The way out of here.
    Rule(
        _try_elsewhere("egress.location", Fault.EGRESS),
        _all(_status(400, 403), _begins("User location is not supported")),
    ),
    Rule(
        Verdict(
            "egress.restricted",
            Fault.EGRESS,
            Retry.OTHER_PROJECT,
            Effect.COOL_PROJECT,
            RESTRICTED_COOLING,
        ),
        _all(
            _status(403),
            _reason(
                "API_KEY_IP_ADDRESS_BLOCKED",
                "API_KEY_HTTP_REFERRER_BLOCKED",
                "API_KEY_ANDROID_APP_BLOCKED",
                "API_KEY_IOS_APP_BLOCKED",
            ),
        ),
    ),
    # The project.
    Rule(
        _cool_project("project.service-disabled", PROJECT_COOLING),
        _all(_status(403), _reason("SERVICE_DISABLED")),
    ),
    Rule(
        _cool_project("project.billing-disabled", PROJECT_COOLING),
        _all(_status(403), _reason("BILLING_DISABLED")),
    ),
    Rule(
        _cool_project("project.denied", ABSENT_COOLING),
        _all(_status(403), _begins("Your project has been denied access")),
    ),
    # Quota. The prose opens the same way for every kind, so it does not decide.
    Rule(
        Verdict(
            "quota.zero",
            Fault.PROJECT_MODEL,
            Retry.OTHER_PROJECT,
            Effect.MODEL_ABSENT,
            ABSENT_COOLING,
        ),
        _all(_status(429), _limit_is_zero),
    ),
    Rule(_cool_model("quota.day"), _all(_status(429), _window("PerDay", "Daily"))),
    Rule(_cool_model("quota.tokens"), _all(_status(429), _counts_tokens), cooling=_until_retry),
    Rule(_cool_model("quota.minute"), _all(_status(429), _has_violations), cooling=_until_retry),
    Rule(
        _try_elsewhere("upstream.overloaded", Fault.UPSTREAM),
        _all(
            _status(429),
            _any(_reason("MODEL_CAPACITY_EXHAUSTED"), _begins("No capacity available for model")),
        ),
    ),
    Rule(_cool_model("quota.day"), _all(_status(429), _delay_is_long)),
    Rule(_cool_model("quota.unnamed"), _all(_status(429), _delay_is_known), cooling=_until_retry),
    Rule(_cool_model("quota.bare"), _status(429), cooling=_until_retry),
    # Google's own trouble.
    Rule(_try_elsewhere("upstream.overloaded", Fault.UPSTREAM), _status(503)),
    Rule(
        _try_elsewhere("upstream.timeout", Fault.UPSTREAM),
        _status(408, 504),
        may_have_acted=True,
    ),
    Rule(
        _try_elsewhere("upstream.cancelled", Fault.UPSTREAM),
        _status(499),
        may_have_acted=True,
    ),
    Rule(
        _try_elsewhere("upstream.internal", Fault.UPSTREAM),
        lambda status, _body: 500 <= status <= 599,
        may_have_acted=True,
    ),
    # A history made by another account, or by none: the request can be repaired.
    Rule(
        Verdict("request.signature", Fault.REQUEST, Retry.REPAIRED),
        _all(_status(400), _mentions_signature),
    ),
    # The request. Nobody is punished.
    Rule(
        _give_up("resource.forbidden", Fault.REQUEST),
        _all(
            _status(403),
            _begins(
                "You do not have permission to access the",
                "You don't have permission",
                "CachedContent not found",
            ),
        ),
    ),
    Rule(_try_elsewhere("project.forbidden", Fault.PROJECT), _status(403)),
    Rule(_give_up("request.not-found", Fault.REQUEST), _status(404)),
    Rule(_give_up("request.invalid", Fault.REQUEST), _client_error),
    # A success that cannot be read, a redirect, a status that is none.
    Rule(_try_elsewhere("upstream.unexpected", Fault.UPSTREAM), _always, may_have_acted=True),
)
