"""The upstream calls that a request for pictures takes."""

from dataclasses import replace
from typing import Any

import orjson

from services.edge.calls import Call, operation_of
from services.edge.clients import check_model_allowed
from services.edge.dialects import Dialect
from services.edge.estimating import estimate_tokens
from services.edge.needs import Asker, need_of
from services.edge.openai.image_request import ImagePlan
from services.edge.openai_calls import VERSION
from services.edge.paths import check_model
from services.edge.resources.access import may_name_something
from services.edge.runtime import Runtime


async def calls_of(
    runtime: Runtime, asker: Asker, plan: ImagePlan, *, asked: str = ""
) -> list[tuple[Call, int]]:
    """Return the calls of a plan, each with the number of pictures that it asks for.

    Args:
        runtime: The shared parts.
        asker: Who asks.
        plan: What is asked for.
        asked: What the client calls the model, when that is another name.

    Raises:
        ApiError: The client may not use the model, or what is named.
    """
    check_model_allowed(asker.client, check_model(plan.model), asked=asked)
    first = plan.bodies[0]
    if plan.verb == "predict":
        return [
            (_call(runtime, asker, plan, body), body["parameters"]["sampleCount"])
            for body in plan.bodies
        ]
    # They are the same, so what they cite is looked up once.
    call = _call(runtime, asker, plan, first)
    if may_name_something(call):
        call = await runtime.access.cite(call, first)
    return [(call, 1)] * len(plan.bodies)


def _call(runtime: Runtime, asker: Asker, plan: ImagePlan, body: dict[str, Any]) -> Call:
    content = orjson.dumps(body)
    need = need_of(runtime.settings, asker, plan.model, operation_of(plan.verb))
    return Call(
        method="POST",
        target=f"/{VERSION}/models/{plan.model}:{plan.verb}",
        headers=[(b"content-type", b"application/json")],
        body=content,
        # No affinity: pictures that begin alike share nothing upstream, only a limit.
        need=replace(need, input_tokens=estimate_tokens(content, body)),
        dialect=Dialect.OPENAI,
    )
