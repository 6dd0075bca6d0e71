"""Embeddings and models in OpenAI's dialect."""

from functools import partial

from services.edge.clients import check_model_allowed
from services.edge.concurrently import concurrently
from services.edge.disconnect import ClientWatch
from services.edge.errors import ApiError
from services.edge.http import Exchange
from services.edge.models.listing import described_as
from services.edge.openai.embeddings import translate_embeddings, translate_embeddings_answer
from services.edge.openai.errors import AnswerError
from services.edge.openai.models import translate_model, translate_models
from services.edge.openai_calls import (
    admit,
    call_read,
    choose_model,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
    upstream_call,
)
from services.edge.paths import check_model, model_of_id
from services.edge.plain import fetch
from services.edge.runtime import Runtime

_MODELS_PAGE = "pageSize=1000"
_BATCHES_AT_ONCE = 4


class OpenAiRoutes:
    """The routes about models that do not speak."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def embeddings(self, exchange: Exchange) -> None:
        """POST /v1/embeddings."""
        asker = await admit(self._runtime, exchange)
        body = await read_request(self._runtime, exchange)
        chosen = choose_model(self._runtime, body)
        plan = translate_embeddings({**body, "model": chosen.model})
        check_model_allowed(asker.client, check_model(plan.model), asked=chosen.asked)
        tell_ignored(exchange, plan.ignored)
        calls = [
            upstream_call(self._runtime, asker, plan.model, "batchEmbedContents", body)
            for body in plan.gemini_bodies
        ]
        async with ClientWatch(exchange):
            wholes = await concurrently(
                _BATCHES_AT_ONCE, [partial(fetch, self._runtime, call) for call in calls]
            )
        try:
            answer = translate_embeddings_answer(plan, [parsed(whole) for whole in wholes])
        except AnswerError as error:
            raise ApiError(502, str(error), code="bad_upstream") from None
        answer["model"] = chosen.asked
        await send_answer(exchange, answer, wholes[-1].told)

    async def models(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        asker = await admit(self._runtime, exchange)
        async with ClientWatch(exchange):
            whole = await fetch(
                self._runtime, call_read(self._runtime, asker, f"models?{_MODELS_PAGE}")
            )
        answer = parsed(whole)
        models = answer.get("models")
        offered = self._runtime.models.listing.of(
            models if isinstance(models, list) else (), chats=True
        )
        await send_answer(exchange, translate_models({"models": offered}), whole.told)

    async def model(self, exchange: Exchange, encoded_id: str) -> None:
        """GET /v1/models/{id}."""
        asker = await admit(self._runtime, exchange)
        chosen = self._runtime.models.choices.choose(model_of_id(encoded_id))
        check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        async with ClientWatch(exchange):
            whole = await fetch(
                self._runtime, call_read(self._runtime, asker, f"models/{chosen.model}")
            )
        answer = parsed(whole)
        if chosen.asked != chosen.model:
            answer = described_as(answer, chosen)
        await send_answer(exchange, translate_model(answer), whole.told)
