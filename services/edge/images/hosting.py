"""Addresses for pictures: they are put away, and their clients are told where."""

import binascii

from prometheus_client import Counter

from services.edge.errors import ApiError
from services.edge.hosted_media import HostedMedia
from services.edge.http import Exchange
from services.edge.openai.image_answer import Picture
from services.edge.uploads.addresses import Addresses
from services.edge.uploads.arriving import arrival_of
from services.kit.errors import RemoteError
from services.kit.logs import get_logger

log = get_logger(__name__)

_FAILED = Counter("edge_hosting_failures_total", "Requests whose pictures could get no address.")


class Hosting:
    """Puts the pictures of one request away, until that fails for the first time."""

    def __init__(self, media: HostedMedia | None, addresses: Addresses, exchange: Exchange) -> None:
        """Take where pictures go, and the request that they are for."""
        self._media = media
        self._addresses = addresses
        self._exchange = exchange

    async def address_of(self, picture: Picture) -> str | None:
        """Return the address of a picture, None when it can have none.

        It has been paid for by then, so that must not cost the picture itself.
        """
        if self._media is None:
            return None
        try:
            content = binascii.a2b_base64(picture.data)
            media_id = await self._media.put(picture.media_type, content)
        except (ApiError, RemoteError, ValueError) as error:
            _FAILED.inc()
            log.warning("a picture gets no address", error=str(error))
            self._media = None
            return None
        return self._addresses.of_media(media_id, arrival_of(self._exchange))
