"""Forms with files (`multipart/form-data`), read whole."""

from dataclasses import dataclass

from services.edge.errors import bad_request
from services.edge.http import Exchange
from services.edge.uploads.multipart import Part, PartSplitter, read_boundary

_MOST_PARTS = 256
_LONGEST_TEXT = 256 * 1024


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        name: Of the field.
        file_name: At the client's; empty for text.
        mime_type: As its head says it, empty when it does not.
        content: The bytes.
    """

    name: str
    file_name: str
    mime_type: str
    content: bytes

    @property
    def is_file(self) -> bool:
        """Whether it is a file rather than text."""
        return bool(self.file_name) or self.mime_type.partition("/")[0] not in {"", "text"}

    def text(self) -> str:
        """Return the text of a field.

        Raises:
            ApiError: 400 when it is none.
        """
        try:
            if len(self.content) <= _LONGEST_TEXT:
                return self.content.decode()
        except UnicodeDecodeError:
            pass
        raise bad_request(
            f"Invalid '{self.name[:64]}': expected text.", code="invalid_type", param=self.name[:64]
        )


async def read_form(exchange: Exchange, limit: int) -> list[FormField]:
    """Return the fields of a form in their order.

    Raises:
        ApiError: 400 for what is no form, 413 for one that is longer than `limit`.
        ClientLeftError: The client went away before it was complete.
    """
    splitter = PartSplitter(read_boundary(exchange.header(b"content-type")))
    body = await exchange.read_body(limit)
    found: list[tuple[Part, bytearray]] = []
    for item in splitter.feed(body):
        if isinstance(item, Part):
            found.append((item, bytearray()))
            if len(found) > _MOST_PARTS:
                raise bad_request("The form has too many fields.", code="invalid_multipart")
        else:
            found[-1][1].extend(item)
    if not splitter.is_complete:
        raise bad_request(
            "The multipart body ends before its last boundary.", code="invalid_multipart"
        )
    return [
        FormField(head.name, head.file_name, head.mime_type, bytes(content))
        for head, content in found
    ]
