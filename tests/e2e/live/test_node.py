"""Google's JavaScript SDK, which carries its token in the address."""

from tests.support.client_programs import CLIENTS, NODE, run_client
from tests.support.live import TALK
from tests.support.system import System


async def test_it_talks_calls_and_is_refused(system: System) -> None:
    pool = await system.new_pool(2)

    talked, closed, called, borrowed, refused = await run_client(
        NODE, str(CLIENTS / "genai_live.js"), system.url, TALK, stdin=pool.token
    )

    assert "praline" in talked["said"]
    assert talked["tokens"]
    # It gives no code of its own.
    assert closed == {"closed": 1005}
    assert called["called"] == "weather"
    assert "blue" in called["said"]
    assert "praline" in borrowed["ephemeral"]
    assert "(code 1008): The token was refused" in refused["refused"]
