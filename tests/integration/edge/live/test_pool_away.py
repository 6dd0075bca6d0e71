"""Sessions while the key pool is away."""

import contextlib

from tests.support.edge import new_token, running_edge
from tests.support.keypool import running_keypool, secrets_of
from tests.support.live import ask, bare, begin, hear
from tests.support.upstream import upstream
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]


async def test_sessions_go_on_and_new_ones_begin(redis_url: str) -> None:
    async with upstream() as google, contextlib.AsyncExitStack() as pool:
        keypool = await pool.enter_async_context(running_keypool(redis_url, base_url=google.url))
        await keypool.add_keys(*secrets_of(2))
        token = await new_token(keypool)
        async with (
            running_edge(keypool, base_url=google.url) as url,
            bare(url, token) as old,
        ):
            await begin(old, sessionResumption={})
            await pool.aclose()

            assert "plum" in (await ask(old, "please repeat plum"))[0]
            # It cannot be bound now; the session does not wait for that.
            assert (await hear(old))["sessionResumptionUpdate"]["newHandle"]
            async with bare(url, token) as new:
                await begin(new)
                assert "plum" in (await ask(new, "please repeat plum"))[0]
            await eventually(google.control.live_sessions, lambda found: len(found) == 1)
            assert "plum" in (await ask(old, "please repeat plum"))[0]
