"""What the translated dialects share: who asks for what, the call, the answer as JSON."""

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from services.edge.calls import Call, operation_of
from services.edge.clients import check_model_allowed, check_scope, may_use_model
from services.edge.envelopes import Headers
from services.edge.errors import ApiError
from services.edge.estimating import estimate_tokens
from services.edge.http import Exchange, json_object
from services.edge.models.choosing import Chosen
from services.edge.needs import Asker, need_of, with_content
from services.edge.openai.chat_request import read_model
from services.edge.openai.errors import BadRequestError
from services.edge.paths import check_model
from services.edge.plain import Whole
from services.edge.resources.access import may_name_something
from services.edge.runtime import Runtime
from services.judging import Operation

EVENT_STREAM: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Proxies in front must not gather what is meant to arrive at once.
    (b"x-accel-buffering", b"no"),
]

VERSION = "v1beta"

_JSON = (b"content-type", b"application/json")
_LONGEST_HEADER = 1024


async def admit(runtime: Runtime, exchange: Exchange, scope: str = "models") -> Asker:
    """Return who asks.

    Raises:
        ApiError: 401 or 403 when nobody is known, or not for this.
    """
    client = await runtime.clients.identify(exchange)
    check_scope(client, scope)
    return Asker(exchange, client)


async def read_request(runtime: Runtime, exchange: Exchange) -> dict[str, Any]:
    """Return the body of a request."""
    body = await exchange.read_body(runtime.settings.max_body_bytes)
    return json_object(body, orjson.loads)


def with_upstream_model(runtime: Runtime, body: dict[str, Any]) -> dict[str, Any]:
    """Return a request with the upstream's name of its model, where it names one.

    Raises:
        ApiError: The model is kept back.
    """
    name = body.get("model")
    if not isinstance(name, str) or not name:
        return body
    return {**body, "model": runtime.models.choices.named(name)}


def choose_model(runtime: Runtime, body: dict[str, Any]) -> Chosen:
    """Return the model that a request names.

    Raises:
        ApiError: It is kept back.
        BadRequestError: It names none.
    """
    name = body.get("model")
    # An alias may hold what no model's name can.
    name = name if isinstance(name, str) else read_model(body)
    chosen = runtime.models.choices.choose(name)
    read_model({"model": chosen.model})
    return chosen


async def calls_instead(
    runtime: Runtime, asker: Asker, chosen: Chosen, make: Callable[[Chosen], Awaitable[Call]]
) -> tuple[Call, ...]:
    """Return the calls of models that may answer in place of one.

    Those that the client may not use, or that cannot do what is asked, are left out.

    Args:
        runtime: The shared parts.
        asker: Who asks.
        chosen: The model that was asked for.
        make: Returns the call of another model, or raises BadRequestError.
    """
    calls = []
    for other in runtime.models.choices.fallbacks(chosen):
        if not may_use_model(asker.client, other.model):
            continue
        with contextlib.suppress(BadRequestError):
            calls.append(await make(other))
    return tuple(calls)


def upstream_call(
    runtime: Runtime, asker: Asker, model: str, verb: str, body: dict[str, Any]
) -> Call:
    """Return the call of a verb on a model."""
    content, operation = orjson.dumps(body), operation_of(verb)
    need = need_of(runtime.settings, asker, model, operation)
    if operation is Operation.GENERATE:
        need = with_content(need, content, body)
    else:
        need = replace(need, input_tokens=estimate_tokens(content, body))
    query = "?alt=sse" if verb == "streamGenerateContent" else ""
    return Call(
        method="POST",
        target=f"/{VERSION}/models/{model}:{verb}{query}",
        headers=[(b"content-type", b"application/json")],
        body=content,
        need=need,
        dialect=asker.exchange.dialect,
    )


async def call_model(
    runtime: Runtime,
    asker: Asker,
    model: str,
    verb: str,
    body: dict[str, Any],
    *,
    asked: str = "",
) -> Call:
    """Return the call of a verb on a model, bound to where the things lie that it names.

    Args:
        runtime: The shared parts.
        asker: Who asks.
        model: The upstream's name of the model.
        verb: Such as `generateContent`.
        body: The request.
        asked: What the client calls the model, when that is another name.

    Raises:
        ApiError: The client may not use the model, or what is named.
    """
    check_model_allowed(asker.client, check_model(model), asked=asked)
    call = upstream_call(runtime, asker, model, verb, body)
    return await runtime.access.cite(call, body) if may_name_something(call) else call


def call_read(runtime: Runtime, asker: Asker, tail: str) -> Call:
    """Return a call that reads, such as `models`."""
    need = need_of(runtime.settings, asker, "", Operation.READ)
    return Call("GET", f"/{VERSION}/{tail}", [], b"", need, asker.exchange.dialect)


def tell_ignored(exchange: Exchange, names: Sequence[str]) -> None:
    """Tell the client which of its parameters have no counterpart."""
    if names:
        told = ",".join(names).encode("ascii", "replace")
        exchange.extra.append((b"x-gemini-balance-ignored", told[:_LONGEST_HEADER]))


def parsed(whole: Whole) -> dict[str, Any]:
    """Return an upstream answer.

    Raises:
        ApiError: 502 when it is no JSON object.
    """
    try:
        answer = orjson.loads(whole.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiError(502, "The upstream sent something that is not JSON.", code="bad_upstream")
    return answer


async def send_answer(exchange: Exchange, answer: dict[str, Any], shown: Headers) -> None:
    """Send an answer."""
    await exchange.answer(200, [_JSON, *shown], orjson.dumps(answer))


def new_id(prefix: str) -> str:
    """Return a fresh id of an answer, such as `chatcmpl-0123...`."""
    return f"{prefix}-{secrets.token_hex(12)}"
