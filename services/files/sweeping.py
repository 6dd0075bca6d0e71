"""Uploads that were left are dropped, and given up at Google, once their time is over."""

import asyncio

from services.files.upload_desk import UploadDesk
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)

_SECONDS = 30.0
_MOST = 50


async def sweep_for_ever(desk: UploadDesk) -> None:
    """Look for such uploads now and then until cancelled."""
    while True:
        try:
            while await desk.sweep(_MOST) == _MOST:
                pass
        except ServiceError as error:
            log.info("sweeping has to wait", reason=error.reason)
        await asyncio.sleep(_SECONDS)
