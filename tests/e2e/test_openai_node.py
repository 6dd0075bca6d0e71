"""OpenAI's JavaScript SDK against the running system."""

from tests.support.client_programs import CLIENTS, NODE, run_client
from tests.support.system import System


async def test_it_chats_streams_embeds_and_lists(system: System) -> None:
    pool = await system.new_pool(2)

    plain, streamed, embedded, models, refused = await run_client(
        NODE, str(CLIENTS / "openai_chat.js"), system.url, stdin=pool.token
    )

    assert "praline" in plain["plain"]
    assert streamed == {"streamed": plain["plain"], "finish": "stop"}
    assert len(embedded["embedded"]) == 2
    assert "gemini-2.5-flash" in models["models"]
    assert refused == {"refused": 404, "kind": "NotFoundError"}


async def test_it_draws_and_edits(system: System) -> None:
    pool = await system.new_pool(2)

    drawn, edited, refused = await run_client(
        NODE, str(CLIENTS / "openai_images.js"), system.url, stdin=pool.token
    )

    assert drawn == {"same": True, "size": "64x64"}
    assert edited == {"edited": 2}
    assert refused == {"refused": 400, "code": "content_policy_violation"}
