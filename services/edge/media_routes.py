"""Generated media for browsers and programs: `/media/{id}`, whose id is all that opens it."""

import re

from services.edge.disconnect import ClientWatch
from services.edge.envelopes import Headers
from services.edge.errors import ApiError, method_not_allowed, not_found
from services.edge.hosted_media import HostedMedia, Medium
from services.edge.http import BrokenAnswerError, Exchange
from services.edge.media_kinds import is_shown

_ID = re.compile(r"[A-Za-z0-9_\-]{22}")
_RANGE = re.compile(r"bytes=([0-9]{0,12})-([0-9]{0,12})")
# Nothing that was made may act as a page of this origin.
_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
]


class MediaRoutes:
    """The routes below `/media/`. They need no token."""

    def __init__(self, media: HostedMedia | None) -> None:
        """Take where media are, None when there are none."""
        self._media = media

    async def serve(self, exchange: Exchange, media_id: str) -> None:
        """Serve GET and HEAD of one medium, or a range of its bytes.

        Raises:
            ApiError: 404 when there is none, 405, or 503 when it cannot be had now.
        """
        if exchange.method not in {"GET", "HEAD"}:
            raise method_not_allowed(exchange.method, "GET")
        if self._media is None or not _ID.fullmatch(media_id):
            raise not_found(exchange.method, "such media")
        if exchange.method == "HEAD":
            async with self._media.open(media_id, limit=0) as medium:
                await exchange.start(200, _headers(medium), length=medium.size)
                await exchange.write(b"", more=False)
            return
        if (asked := _read_range(exchange.header(b"range"))) is not None:
            await self._serve_range(self._media, exchange, media_id, *asked)
            return
        async with ClientWatch(exchange), self._media.open(media_id) as medium:
            await exchange.start(200, _headers(medium), length=medium.size)
            await _pass_on(exchange, medium)

    async def _serve_range(
        self,
        media: HostedMedia,
        exchange: Exchange,
        media_id: str,
        first: int | None,
        last: int | None,
    ) -> None:
        async with media.open(media_id, limit=0) as medium:
            size = medium.size
        if first is None:
            start, end = max(0, size - (last or 0)), size
        else:
            start, end = first, size if last is None else min(size, last + 1)
        if start >= size:
            headers = [*_headers(medium), (b"content-range", b"bytes */%d" % size)]
            await exchange.answer(416, headers, b"")
            return
        async with (
            ClientWatch(exchange),
            media.open(media_id, offset=start, limit=end - start) as medium,
        ):
            span = b"bytes %d-%d/%d" % (start, end - 1, size)
            headers = [*_headers(medium), (b"content-range", span)]
            await exchange.start(206, headers, length=end - start)
            await _pass_on(exchange, medium)


def _read_range(header: str) -> tuple[int | None, int | None] | None:
    """Return the first and the last byte of a range, None when it is none that is served."""
    asked = _RANGE.fullmatch(header)
    if asked is None:
        return None
    first, last = (int(text) if text else None for text in asked.groups())
    if first is None:
        return None if last is None else (None, last)
    # The specification wants an impossible range to be no range at all.
    return None if last is not None and last < first else (first, last)


async def _pass_on(exchange: Exchange, medium: Medium) -> None:
    try:
        async for piece in medium.pieces:
            await exchange.write(piece)
    except ApiError:
        raise BrokenAnswerError from None
    await exchange.write(b"", more=False)


def _headers(medium: Medium) -> Headers:
    shown = is_shown(medium.mime_type)
    return [
        (b"content-type", medium.mime_type.encode("latin-1", "replace")),
        (b"content-disposition", b"inline" if shown else b"attachment"),
        # What an id opens never changes, and is gone when its time is over.
        (b"cache-control", b"private, max-age=%d, immutable" % medium.seconds),
        (b"accept-ranges", b"bytes"),
        *_SAFE,
    ]
