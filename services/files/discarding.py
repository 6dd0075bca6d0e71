"""Deleting what Google made of an upload that had been given up meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.files.asking import Asking
from services.files.file_wire import FileWire
from services.files.leases import Need
from services.files.records import read_description, text_of
from services.files.uploads import Answer, Upload
from services.judging import Operation
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)

Discard = Callable[[Upload, Answer], Awaitable[None]]
"""Deletes at Google the file that Google's answer names; never raises."""


@dataclass(frozen=True, slots=True)
class Discarder:
    """What deleting takes.

    Attributes:
        asking: Makes calls.
        files: The way to Google.
    """

    asking: Asking
    files: FileWire

    async def discard(self, upload: Upload, answer: Answer) -> None:
        """See `Discard`. What cannot be deleted now ends by itself, unknown to all."""
        described = (read_description(answer.body) or {}).get("file")
        name = text_of(described, "name") if isinstance(described, dict) else ""
        if not name:
            return
        order = upload.order
        need = Need(order.pool, order.client_id, Operation.READ, project_id=upload.project_id)
        try:
            await self.asking.ask(need, lambda lease: self.files.delete(lease, name))
        except ServiceError as error:
            log.info("a file that nobody wants stays at the upstream", reason=error.reason)
