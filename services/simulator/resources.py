"""The calls on lists and records: models, files and cached contents."""

from typing import Any

from services.simulator.calls import Call
from services.simulator.catalog import MODELS
from services.simulator.errors import ApiError, invalid
from services.simulator.faults import Fault
from services.simulator.generate import write_json
from services.simulator.http import Exchange
from services.simulator.paging import page_of
from services.simulator.validation import read_message


async def list_models(_call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the list of models."""
    models, token = page_of(list(MODELS.values()), exchange.query, default=50, most=1000)
    await send_page(exchange, "models", [model.describe() for model in models], token)


async def get_model(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one model."""
    name = call.route.name
    if name not in MODELS:
        version = call.route.version
        raise ApiError(404, f"Model is not found: models/{name} for api version {version}")
    await exchange.answer(200, write_json(MODELS[name].describe()))


async def list_files(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the project's files."""
    files, token = page_of(
        call.world.files.list(call.project), exchange.query, default=10, most=100
    )
    await send_page(exchange, "files", [call.world.files.describe(file) for file in files], token)


async def get_file(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one of the project's files."""
    file = call.world.files.get(call.route.name, call.project)
    await exchange.answer(200, write_json(call.world.files.describe(file)))


async def delete_file(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete one of the project's files."""
    call.world.files.delete(call.route.name, call.project)
    await exchange.answer(200, write_json({}))


async def download_file(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the bytes of a file that was made, not uploaded."""
    file = call.world.files.get(call.route.name, call.project)
    if not file.is_generated:
        raise invalid("Only generated files can be downloaded.")
    await exchange.answer(200, file.content, file.mime_type)


async def list_caches(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the project's cached contents."""
    caches, token = page_of(
        call.world.caches.list(call.project), exchange.query, default=50, most=1000
    )
    await send_page(exchange, "cachedContents", [cache.describe() for cache in caches], token)


async def create_cache(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Store a cached content."""
    body = await exchange.read_body()
    request = read_message("CachedContent", body)
    call.world.files.check_citations(body, request, call.project)
    cache = call.world.caches.create(request, call.project, call.route.version)
    await exchange.answer(200, write_json(cache.describe()))


async def get_cache(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one of the project's cached contents."""
    cache = call.world.caches.get(call.route.name, call.project)
    await exchange.answer(200, write_json(cache.describe()))


async def update_cache(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Change the expiry of one of the project's cached contents."""
    request = read_message("CachedContent", await exchange.read_body())
    cache = call.world.caches.update(call.route.name, request, call.project)
    await exchange.answer(200, write_json(cache.describe()))


async def delete_cache(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete one of the project's cached contents."""
    call.world.caches.delete(call.route.name, call.project)
    await exchange.answer(200, write_json({}))


async def send_page(exchange: Exchange, name: str, items: list[dict[str, Any]], token: str) -> None:
    """Answer a page of a list."""
    # Like every empty field of the API's JSON, an empty list is left out.
    reply: dict[str, Any] = {name: items} if items else {}
    if token:
        reply["nextPageToken"] = token
    await exchange.answer(200, write_json(reply))
