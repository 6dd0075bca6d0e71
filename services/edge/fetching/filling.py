"""The media that a request names by web addresses, fetched and put in their places."""

import asyncio
from collections.abc import Sequence
from functools import partial

from prometheus_client import Counter

from services.edge.concurrently import concurrently
from services.edge.errors import ApiError, bad_request
from services.edge.fetching.failures import FetchError
from services.edge.fetching.fetcher import Fetcher
from services.edge.fetching.memory import Fetched
from services.edge.openai.media import RemoteMedia

_MOST = 32
_AT_ONCE = 4
# All of a request may take so many times as long as one of them.
_PATIENCE = 2

_REFUSED = Counter("edge_media_refused_total", "Web addresses that were of no use.", ["code"])


async def fill_in(fetcher: Fetcher, media: Sequence[RemoteMedia], *, max_bytes: int) -> None:
    """Fetch media and put the bytes in their places; each address is asked once.

    Args:
        fetcher: Fetches one of them.
        media: What is waited for.
        max_bytes: The most bytes of all together.

    Raises:
        ApiError: 400 that names the field whose address cannot be used.
    """
    if len(media) > _MOST:
        raise bad_request(
            f"A request can name at most {_MOST} media by web addresses.",
            code="too_many_media",
            param=media[_MOST].param,
        )
    first = {each.url: each for each in reversed(media)}
    budget = _Budget(max_bytes)
    jobs = [partial(_fetch, fetcher, each, budget) for each in first.values()]
    seconds = fetcher.limits.seconds * _PATIENCE
    try:
        async with asyncio.timeout(seconds):
            fetched = await concurrently(_AT_ONCE, jobs)
    except TimeoutError:
        _REFUSED.labels("media_timeout").inc()
        raise bad_request(
            f"The media behind web addresses were not there within {seconds:g} seconds.",
            code="media_timeout",
        ) from None
    found = dict(zip(first, fetched, strict=True))
    for each in media:
        each.fill(found[each.url].media_type, found[each.url].content)


class _Budget:
    """Bytes that one request may still bring."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._left = max_bytes

    def take(self, size: int) -> bool:
        self._left -= size
        return self._left >= 0


async def _fetch(fetcher: Fetcher, media: RemoteMedia, budget: _Budget) -> Fetched:
    try:
        fetched = await fetcher.fetch(media.url)
    except FetchError as error:
        raise _told(media, str(error), error.code) from None
    if not budget.take(len(fetched.content)):
        raise _told(
            media,
            f"and the other media of the request are longer than {budget.max_bytes} bytes",
            "media_too_large",
        )
    return fetched


def _told(media: RemoteMedia, problem: str, code: str) -> ApiError:
    _REFUSED.labels(code).inc()
    return bad_request(f"Invalid '{media.param}': it {problem}.", code=code, param=media.param)
