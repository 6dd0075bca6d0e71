"""The calls on what belongs to a project."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.simulator.calls import Call
from services.simulator.catalog import MODELS
from services.simulator.errors import model_not_found
from services.simulator.faults import Fault
from services.simulator.generate import find_model, write_json
from services.simulator.http import Exchange
from services.simulator.owned.interaction_calls import INTERACTION_CALLS
from services.simulator.paging import page_of
from services.simulator.resources import send_page
from services.simulator.validation import read_message

Method = Callable[[Call, Exchange, Fault | None], Awaitable[None]]

_VIDEO_MODELS = "veo-"


async def create_batch(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Take a batch of generate or of embedding requests."""
    embeds = call.route.verb == "asyncBatchEmbedContent"
    body = await exchange.read_body()
    kinds = {"embedding"} if embeds else {"text", "image", "speech"}
    model = find_model(call, call.route.verb, kinds=kinds)
    order = read_message("BatchRequest", body).get("batch", {})
    made = call.world.batches.create(
        model,
        order,
        call.project,
        embeds=embeds,
        seconds=call.world.behaviour.job_seconds,
    )
    await _tell(exchange, made)


async def list_batches(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the project's batches."""
    await _tell_page(exchange, "operations", call.world.batches.all_of(call.project))


async def get_batch(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one of the project's batches."""
    await _tell(exchange, call.world.batches.get(f"batches/{call.route.name}", call.project))


async def cancel_batch(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Stop one of the project's batches."""
    await exchange.skip_body()
    call.world.batches.cancel(f"batches/{call.route.name}", call.project)
    await _tell(exchange, {})


async def delete_batch(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete one of the project's batches."""
    call.world.batches.delete(f"batches/{call.route.name}", call.project)
    await _tell(exchange, {})


async def create_video(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Begin a video."""
    request = read_message("PredictLongRunningRequest", await exchange.read_body())
    model = call.route.name
    if not model.startswith(_VIDEO_MODELS):
        raise model_not_found(model, call.route.version, "predictLongRunning")
    prompt = next((row.get("prompt", "") for row in request.get("instances", [])), "")
    call.world.charge(call.project, model, 0)
    seconds = call.world.behaviour.job_seconds
    await _tell(exchange, call.world.videos.create(model, prompt, call.project, seconds=seconds))


async def list_operations(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the project's operations on a model."""
    found = call.world.videos.all_of(call.route.name, call.project)
    await _tell_page(exchange, "operations", found)


async def get_operation(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one of the project's operations on a model."""
    await _tell(exchange, call.world.videos.get(call.route.name, call.project))


async def create_store(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Make a file search store."""
    request = read_message("FileSearchStore", await exchange.read_body())
    await _tell(exchange, call.world.stores.create(request.get("displayName", ""), call.project))


async def list_stores(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the project's file search stores."""
    stores = call.world.stores.all_of(call.project)
    await _tell_page(exchange, "fileSearchStores", stores, default=10, most=20)


async def get_store(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one of the project's file search stores."""
    await _tell(exchange, call.world.stores.get(_store(call), call.project))


async def delete_store(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete one of the project's file search stores."""
    force = exchange.query.get("force", "").lower() == "true"
    call.world.stores.delete(_store(call), call.project, force=force)
    await _tell(exchange, {})


async def import_file(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Put one of the project's files into a store."""
    request = read_message("ImportFileRequest", await exchange.read_body())
    file = call.world.files.get(request.get("fileName", "").removeprefix("files/"), call.project)
    made = call.world.stores.add(
        call.route.name,
        call.project,
        display_name=file.display_name,
        mime_type=file.mime_type,
        size_bytes=file.size_bytes,
        metadata=request.get("customMetadata", []),
        is_upload=False,
    )
    await _tell(exchange, made)


async def list_documents(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the documents of a store."""
    documents = call.world.stores.documents(call.route.name, call.project)
    await _tell_page(exchange, "documents", documents, default=10, most=20)


async def get_below(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer a document or an operation of a store."""
    await _tell(exchange, call.world.stores.below(call.route.name, call.project))


async def delete_document(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete a document of a store."""
    call.world.stores.delete_below(call.route.name, call.project)
    await _tell(exchange, {})


async def create_tuned_model(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Make a tuned model."""
    request = read_message("TunedModel", await exchange.read_body())
    base = request.get("baseModel", "").removeprefix("models/")
    if base not in MODELS:
        raise model_not_found(base, call.route.version, "createTunedModel")
    wanted = exchange.query.get("tunedModelId", "")
    await _tell(exchange, call.world.tuned_models.create(request, wanted, call.project))


async def list_tuned_models(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer the project's tuned models."""
    models = call.world.tuned_models.all_of(call.project)
    await _tell_page(exchange, "tunedModels", models, default=10)


async def get_tuned_model(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Answer one of the project's tuned models."""
    model = call.world.tuned_models.get(f"tunedModels/{call.route.name}", call.project)
    await _tell(exchange, model.describe())


async def delete_tuned_model(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete one of the project's tuned models."""
    call.world.tuned_models.delete(f"tunedModels/{call.route.name}", call.project)
    await _tell(exchange, {})


async def create_auth_token(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Make an ephemeral token."""
    request = read_message("AuthToken", await exchange.read_body())
    await _tell(exchange, {"name": call.world.live.new_token(request, call.project)})


def _store(call: Call) -> str:
    return f"fileSearchStores/{call.route.name}"


async def _tell(exchange: Exchange, reply: dict[str, Any]) -> None:
    await exchange.answer(200, write_json(reply))


async def _tell_page(
    exchange: Exchange,
    name: str,
    items: list[dict[str, Any]],
    *,
    default: int = 50,
    most: int = 1000,
) -> None:
    page, token = page_of(items, exchange.query, default=default, most=most)
    await send_page(exchange, name, page, token)


OWNED: dict[str, Method] = {
    "batchGenerateContent": create_batch,
    "asyncBatchEmbedContent": create_batch,
    "batches.list": list_batches,
    "batches.get": get_batch,
    "batches.cancel": cancel_batch,
    "batches.delete": delete_batch,
    "predictLongRunning": create_video,
    "operations.list": list_operations,
    "operations.get": get_operation,
    "fileSearchStores.create": create_store,
    "fileSearchStores.list": list_stores,
    "fileSearchStores.get": get_store,
    "fileSearchStores.delete": delete_store,
    "documents.import": import_file,
    "documents.list": list_documents,
    "documents.get": get_below,
    "documents.operation": get_below,
    "documents.delete": delete_document,
    "tunedModels.create": create_tuned_model,
    "tunedModels.list": list_tuned_models,
    "tunedModels.get": get_tuned_model,
    "tunedModels.delete": delete_tuned_model,
    "auth_tokens.create": create_auth_token,
    **INTERACTION_CALLS,
}
