"""What a writer sends: what it announces, then frames."""

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """What a writer announces.

    Attributes:
        upload_id: The upload.
        offset: Where its bytes belong.
        mime_type: The type of the request that brought them.
        length: How many there are, when it is known.
        finishes: Whether the upload is to be finished with them.
    """

    upload_id: str
    offset: int
    mime_type: str = ""
    length: int | None = None
    finishes: bool = False

    @property
    def end(self) -> int | None:
        """Offset of the byte after the last one, when it is known."""
        return None if self.length is None else self.offset + self.length

    @property
    def final_size(self) -> int | None:
        """Size of the whole file, when it is known."""
        return self.end if self.finishes else None


class Finish:
    """Stands after the last bytes of an upload."""


Frames = AsyncIterator[memoryview | Finish]
