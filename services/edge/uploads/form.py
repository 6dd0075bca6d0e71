"""Forms: their fields, and one file that is taken while it arrives."""

from collections.abc import AsyncIterator

from services.edge.errors import bad_request
from services.edge.http import Exchange
from services.edge.uploads.multipart import Part, PartSplitter, read_boundary

_MOST_FIELDS = 64
_LONGEST_FIELDS = 256 * 1024


async def read_parts(exchange: Exchange, silence: float) -> AsyncIterator[Part | bytes]:
    """Yield the head of each part of a multipart body, followed by its bytes.

    Args:
        exchange: The request.
        silence: How many seconds the client may be silent.

    Raises:
        ApiError: The body is no multipart one, or is cut.
        ClientLeftError: The client went away.
    """
    splitter = PartSplitter(read_boundary(exchange.header(b"content-type")))
    while (piece := await exchange.read_piece(silence)) is not None:
        for found in splitter.feed(piece):
            yield found
    if not splitter.is_complete:
        raise bad_request(
            "The multipart body ends before its last boundary.", code="invalid_multipart"
        )


class Form:
    """A form with at most one file, read in its order: to the file, the file, the rest.

    Attributes:
        fields: The values of each field read so far, in their order.
    """

    def __init__(self, exchange: Exchange, silence: float) -> None:
        """Begin to read.

        Args:
            exchange: The request.
            silence: How many seconds the client may be silent.

        Raises:
            ApiError: 400 when its body is no form.
        """
        kind = exchange.header(b"content-type").partition(";")[0].strip().lower()
        if kind != "multipart/form-data":
            raise bad_request(
                "The body must be a form: Content-Type multipart/form-data.",
                code="invalid_multipart",
            )
        self.fields: dict[str, list[str]] = {}
        self._found = read_parts(exchange, silence)
        self._next: Part | None = None
        self._count = 0
        self._size = 0

    async def read_to_file(self, name: str) -> Part | None:
        """Read fields up to the file, and return its head; None when there is no file.

        Args:
            name: Of the field that holds it.
        """
        part = await self._advance()
        while part is not None and part.name != name:
            part = await self._read_field(part)
        return part

    async def file(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file."""
        async for found in self._found:
            if isinstance(found, Part):
                self._next = found
                return
            yield found

    async def read_rest(self, name: str) -> None:
        """Read the fields behind the file.

        Args:
            name: Of the field that holds it; there can be no second one.
        """
        part = self._next
        while part is not None:
            if part.name == name:
                raise bad_request(f"There can be only one '{name}'.", code="invalid_multipart")
            part = await self._read_field(part)

    def value(self, name: str) -> str | None:
        """Return the value of a field, the last one if it is repeated; None without one."""
        values = self.fields.get(name)
        return values[-1] if values else None

    async def _advance(self) -> Part | None:
        async for found in self._found:
            if isinstance(found, Part):
                return found
        return None

    async def _read_field(self, part: Part) -> Part | None:
        """Read a field, and return the head of the part behind it."""
        self._count += 1
        self._size += len(part.name)
        value, following = bytearray(), None
        async for found in self._found:
            if isinstance(found, Part):
                following = found
                break
            value += found
            if self._size + len(value) > _LONGEST_FIELDS:
                break
        self._size += len(value)
        if self._count > _MOST_FIELDS or self._size > _LONGEST_FIELDS:
            raise bad_request(
                f"A form has at most {_MOST_FIELDS} fields, of {_LONGEST_FIELDS} bytes in all.",
                code="invalid_multipart",
            )
        self.fields.setdefault(part.name, []).append(value.decode("utf-8", "replace"))
        return following
