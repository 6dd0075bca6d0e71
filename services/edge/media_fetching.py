"""Fetching what a request names, for as long as its client waits."""

from collections.abc import Sequence

from services.edge.disconnect import ClientWatch
from services.edge.fetching.filling import fill_in
from services.edge.http import Exchange
from services.edge.openai.media import RemoteMedia
from services.edge.runtime import Runtime


async def fetch_media(runtime: Runtime, exchange: Exchange, media: Sequence[RemoteMedia]) -> None:
    """Fetch media of a request and put them in their places.

    Raises:
        ApiError: 400 for an address that cannot be used.
        ClientLeftError: Nobody waits any more.
    """
    assert runtime.fetcher is not None
    # As base64 they must fit into what may be sent in one request.
    max_bytes = runtime.settings.max_body_bytes * 3 // 4
    async with ClientWatch(exchange):
        await fill_in(runtime.fetcher, media, max_bytes=max_bytes)
