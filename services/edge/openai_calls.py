"""What the routes of OpenAI's dialect have in common: reading, sending, answering."""

import secrets
from dataclasses import replace
from typing import Any

import orjson

from services.edge.calls import Call, operation_of
from services.edge.clients import check_scope
from services.edge.dialects import Dialect
from services.edge.envelopes import Headers
from services.edge.errors import ApiError
from services.edge.estimating import estimate_tokens
from services.edge.http import Exchange, json_object
from services.edge.needs import Asker, need_of, with_content
from services.edge.plain import Whole
from services.edge.runtime import Runtime
from services.judging import Operation

VERSION = "v1beta"

_JSON = (b"content-type", b"application/json")


async def admit(runtime: Runtime, exchange: Exchange) -> Asker:
    """Return who asks; ApiError 401 or 403 for one who may not use models."""
    client = await runtime.clients.identify(exchange)
    check_scope(client, "models")
    return Asker(exchange, client)


async def read_request(runtime: Runtime, exchange: Exchange) -> dict[str, Any]:
    """Return the body of a request; ApiError 400 or 413 for none that can be read."""
    body = await exchange.read_body(runtime.settings.max_body_bytes)
    return json_object(body, orjson.loads)


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
        dialect=Dialect.OPENAI,
    )


def tell_ignored(exchange: Exchange, names: tuple[str, ...]) -> None:
    """Let the answer name what was ignored."""
    if names:
        told = ",".join(names).encode("ascii", "replace")
        exchange.extra.append((b"x-gemini-balance-ignored", told))


def parsed(whole: Whole) -> dict[str, Any]:
    """Return an answer of the upstream's as an object; ApiError 502 when it is none."""
    try:
        answer = orjson.loads(whole.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ApiError(502, "The upstream sent something that is not JSON.", code="bad_upstream")
    return answer


async def send_answer(exchange: Exchange, answer: dict[str, Any], shown: Headers) -> None:
    """Answer with an object."""
    await exchange.answer(200, [_JSON, *shown], orjson.dumps(answer))


def new_id(prefix: str) -> str:
    """Return a fresh id of an answer, such as `chatcmpl-0123...`."""
    return f"{prefix}-{secrets.token_hex(12)}"
