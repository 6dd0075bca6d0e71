"""Vertex AI in express mode: Gemini's dialect over keys of another kind, at another address."""

from typing import Any

from services.edge.calls import Call, forwarded_query
from services.edge.clients import check_model_allowed
from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import bad_request, model_not_offered, not_possible
from services.edge.gemini_calls import STREAMING, GeminiCalls, answer_stream
from services.edge.http import Exchange
from services.edge.models.choosing import Chosen
from services.edge.models.listing import described_as
from services.edge.needs import Asker
from services.edge.openai_calls import admit, call_read, parsed, send_answer
from services.edge.paths import Method, check_model
from services.edge.plain import fetch
from services.edge.pools import VERTEX_POOL, as_vertex_client
from services.edge.resources.citations import read_citations
from services.edge.runtime import Runtime

# What Google offers to keys of express mode.
_VERBS = frozenset({"generateContent", STREAMING, "countTokens"})
_METHODS = ("generateContent", "countTokens")


class VertexRoutes:
    """The routes under `/vertex-express/v1beta`."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._calls = GeminiCalls(runtime, _refuse_citations)

    async def method(self, exchange: Exchange, method: Method) -> None:
        """Relay a verb on a model, with a key of Vertex express."""
        client = (await admit(self._runtime, exchange)).client
        if method.collection != "models" or method.verb not in _VERBS:
            what = f"{method.collection}:{method.verb}"
            raise not_possible(what, f"Vertex express offers {', '.join(sorted(_VERBS))}.")
        asker = Asker(exchange, as_vertex_client(client))
        call = await self._calls.read(asker, "", method)
        if method.verb == STREAMING:
            await answer_stream(self._runtime, exchange, call)
            return
        async with ClientWatch(exchange):
            whole = await fetch(self._runtime, call)
        await exchange.answer(whole.status, [*whole.headers, *whole.told], whole.body)

    async def read_models(self, exchange: Exchange, model: str) -> None:
        """Answer the list of models, or one of them. Vertex express has neither.

        The models of VERTEX_EXPRESS_MODELS, else those of Gemini's own list: that is asked for
        with a key of the client's own pool, at the address of such keys.
        """
        asker = await admit(self._runtime, exchange)
        as_vertex_client(asker.client)
        chosen = self._runtime.models.choices.choose(check_model(model)) if model else None
        if chosen is not None:
            check_model_allowed(asker.client, chosen.model, asked=chosen.asked)
        names = self._runtime.settings.vertex_express_models
        answer, told = (_named(names, chosen), []) if names else await self._geminis(asker, chosen)
        if chosen is None:
            offered = filter(None, map(_of_vertex, answer.get("models") or ()))
            answer["models"] = self._runtime.models.listing.of(offered, chats=False)
        else:
            described = _of_vertex(answer)
            if described is None:
                raise model_not_offered(chosen.asked)
            answer = described_as(described, chosen)
        await send_answer(exchange, answer, told)

    async def _geminis(self, asker: Asker, chosen: Chosen | None) -> tuple[dict[str, Any], Headers]:
        """Return Gemini's own list or description, with our headers about the call."""
        if asker.client.pool == VERTEX_POOL:
            raise not_possible(
                "A list of models",
                "Vertex express has none, and this token opens nothing else. The operator can "
                "name models in VERTEX_EXPRESS_MODELS.",
            )
        tail = f"models/{chosen.model}" if chosen is not None else "models"
        query = forwarded_query(asker.exchange.query)
        call = call_read(self._runtime, asker, f"{tail}?{query}" if query else tail)
        async with ClientWatch(asker.exchange):
            whole = await fetch(self._runtime, call)
        return parsed(whole), whole.told


async def _refuse_citations(call: Call, request: dict[str, Any]) -> Call:
    if names := read_citations(call.body, request).names:
        raise bad_request(
            f"Vertex express cannot read {names[0]}: it lies in Gemini's API. Send the bytes as "
            "inlineData, or a gs:// address as fileData."
        )
    return call


def _named(names: list[str], chosen: Chosen | None) -> dict[str, Any]:
    """Return the list of the setting, or what it has of a model."""
    models = [{"name": f"models/{name}", "supportedGenerationMethods": _METHODS} for name in names]
    if chosen is None:
        return {"models": models}
    return next((each for each in models if each["name"] == f"models/{chosen.model}"), {})


def _of_vertex(model: Any) -> dict[str, Any] | None:
    """Return a description with what Vertex express offers of a model, None for nothing."""
    if not isinstance(model, dict):
        return None
    methods = model.get("supportedGenerationMethods") or ()
    is_offered = str(model.get("name")).startswith("models/gemini-") and _METHODS[0] in methods
    if not is_offered:
        return None
    return model | {"supportedGenerationMethods": [each for each in _METHODS if each in methods]}
