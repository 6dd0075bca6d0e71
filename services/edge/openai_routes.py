"""Embeddings and models in OpenAI's dialect."""

from services.edge.calls import Call
from services.edge.clients import check_model_allowed
from services.edge.dialects import Dialect
from services.edge.disconnect import ClientWatch
from services.edge.errors import ApiError
from services.edge.http import Exchange
from services.edge.needs import Asker, need_of
from services.edge.openai.embeddings import translate_embeddings, translate_embeddings_answer
from services.edge.openai.errors import AnswerError
from services.edge.openai.models import translate_model, translate_models
from services.edge.openai_calls import (
    VERSION,
    admit,
    parsed,
    read_request,
    send_answer,
    tell_ignored,
    upstream_call,
)
from services.edge.paths import check_model, model_of_id
from services.edge.plain import fetch
from services.edge.runtime import Runtime
from services.judging import Operation

_MODELS_PAGE = "pageSize=1000"


class OpenAiRoutes:
    """The routes about models that do not speak."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime

    async def embeddings(self, exchange: Exchange) -> None:
        """POST /v1/embeddings."""
        asker = await admit(self._runtime, exchange)
        plan = translate_embeddings(await read_request(self._runtime, exchange))
        check_model_allowed(asker.client, check_model(plan.model))
        tell_ignored(exchange, plan.ignored)
        answers, shown = [], []
        async with ClientWatch(exchange):
            for body in plan.gemini_bodies:
                call = upstream_call(self._runtime, asker, plan.model, "batchEmbedContents", body)
                whole = await fetch(self._runtime, call)
                answers.append(parsed(whole))
                shown = whole.told
        try:
            answer = translate_embeddings_answer(plan, answers)
        except AnswerError as error:
            raise ApiError(502, str(error), code="bad_upstream") from None
        await send_answer(exchange, answer, shown)

    async def models(self, exchange: Exchange) -> None:
        """GET /v1/models."""
        asker = await admit(self._runtime, exchange)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, self._read(asker, f"models?{_MODELS_PAGE}"))
        await send_answer(exchange, translate_models(parsed(whole)), whole.told)

    async def model(self, exchange: Exchange, encoded_id: str) -> None:
        """GET /v1/models/{id}."""
        asker = await admit(self._runtime, exchange)
        model = model_of_id(encoded_id)
        check_model_allowed(asker.client, model)
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, self._read(asker, f"models/{model}"))
        await send_answer(exchange, translate_model(parsed(whole)), whole.told)

    def _read(self, asker: Asker, tail: str) -> Call:
        need = need_of(self._runtime.settings, asker, "", Operation.READ)
        return Call("GET", f"/{VERSION}/{tail}", [], b"", need, Dialect.OPENAI)
