"""Pictures in OpenAI's dialect, drawn by Gemini's image models or by Imagen."""

import time
from collections.abc import Sequence
from typing import Any

from services.edge.disconnect import ClientWatch
from services.edge.forms import read_form
from services.edge.http import Exchange
from services.edge.images.asking import calls_of
from services.edge.images.drawing import Drawing, draw
from services.edge.images.edit_form import read_edit
from services.edge.images.hosting import Hosting
from services.edge.media_fetching import fetch_media
from services.edge.needs import Asker
from services.edge.openai.image_answer import picture_size, translate_image_usage
from services.edge.openai.image_request import ImagePlan, translate_edit, translate_generation
from services.edge.openai.media import Part
from services.edge.openai_calls import (
    admit,
    read_request,
    send_answer,
    tell_ignored,
    with_upstream_model,
)
from services.edge.runtime import Runtime
from services.edge.uploads.addresses import Addresses, TrustedPeers

_FORM = "multipart/form-data"


class ImageRoutes:
    """The routes under `/v1/images`."""

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        settings = runtime.settings
        self._runtime = runtime
        self._addresses = Addresses(settings.public_url, TrustedPeers(settings.forwarded_allow_ips))

    async def generate(self, exchange: Exchange) -> None:
        """POST /v1/images/generations."""
        asker = await admit(self._runtime, exchange)
        plan = translate_generation(
            with_upstream_model(self._runtime, await read_request(self._runtime, exchange)),
            default_model=self._runtime.settings.create_image_model,
        )
        await self._serve(asker, plan)

    async def edit(self, exchange: Exchange) -> None:
        """POST /v1/images/edits, as a form or as JSON."""
        asker = await admit(self._runtime, exchange)
        sources: list[Part] = []
        if exchange.header(b"content-type").lower().startswith(_FORM):
            body, sources = read_edit(
                await read_form(exchange, self._runtime.settings.max_body_bytes)
            )
        else:
            body = await read_request(self._runtime, exchange)
        plan = translate_edit(
            with_upstream_model(self._runtime, body),
            sources,
            default_model=self._runtime.settings.create_image_model,
            allow_remote_media=self._runtime.fetcher is not None,
        )
        await self._serve(asker, plan)

    async def _serve(self, asker: Asker, plan: ImagePlan) -> None:
        exchange = asker.exchange
        if plan.remote_media:
            await fetch_media(self._runtime, exchange, plan.remote_media)
        calls = await calls_of(self._runtime, asker, plan)
        async with ClientWatch(exchange):
            drawing = await draw(self._runtime, calls)
            hosting = Hosting(self._runtime.media, self._addresses, exchange)
            answer, ignored = await _answer_of(plan, drawing, hosting)
        tell_ignored(exchange, ignored)
        shown = [*drawing.told]
        if drawing.problems:
            shown.append((b"x-gemini-balance-failures", b"%d" % len(drawing.problems)))
        await send_answer(exchange, answer, shown)


async def _answer_of(
    plan: ImagePlan, drawing: Drawing, hosting: Hosting
) -> tuple[dict[str, Any], Sequence[str]]:
    """Return OpenAI's answer, and what of the request it does not follow."""
    ignored = list(plan.ignored)
    data: list[dict[str, Any]] = []
    for picture in drawing.pictures:
        shown: dict[str, Any] = {}
        address = await hosting.address_of(picture) if plan.shows_url else None
        if address:
            shown["url"] = address
        if plan.shows_bytes or not address:
            shown["b64_json"] = picture.data
        if picture.revised_prompt:
            shown["revised_prompt"] = picture.revised_prompt
        data.append(shown)
    if plan.shows_url and not all("url" in shown for shown in data):
        ignored.append("response_format")
    answer: dict[str, Any] = {"created": int(time.time()), "data": data}
    first = drawing.pictures[0]
    drawn_format = first.media_type.removeprefix("image/")
    answer["output_format"] = drawn_format
    if plan.output_format not in {None, drawn_format}:
        ignored.append("output_format")
    if plan.background:
        answer["background"] = "opaque"
    if size := picture_size(first.data):
        answer["size"] = size
    if usage := translate_image_usage(drawing.usages):
        answer["usage"] = usage
    if drawing.problems:
        answer["failures"] = [
            {"code": problem.code, "message": problem.message} for problem in drawing.problems
        ]
    return answer, list(dict.fromkeys(ignored))
