"""What is kept of one file, and under which names."""

import base64
import secrets
from dataclasses import dataclass, replace

_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Manifest:
    """The kept parts of one file.

    Attributes:
        kept_id: Random, and the name under which the parts stand in the store.
        sealed_key: The file's own data key, sealed.
        part_size: Bytes of each part but the last.
        size: Bytes kept so far.
    """

    kept_id: str
    sealed_key: bytes
    part_size: int
    size: int = 0

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_size)

    def grown(self, size: int) -> "Manifest":
        """Return the manifest once so many bytes are kept; it never shrinks."""
        return replace(self, size=max(self.size, size))

    def object_name(self, part: int) -> str:
        """Return the name of a part's object."""
        return f"{self.kept_id}/{part:06d}"


def new_kept_id() -> str:
    """Return a name for a file's parts that nobody can guess."""
    return secrets.token_hex(_ID_BYTES)


def to_row(manifest: Manifest) -> dict[str, str | int]:
    """Return a manifest as the store of records keeps it."""
    return {
        "id": manifest.kept_id,
        "key": base64.b64encode(manifest.sealed_key).decode(),
        "part": manifest.part_size,
        "size": manifest.size,
    }


def from_row(row: dict[str, str | int]) -> Manifest:
    """Return what `to_row` wrote."""
    return Manifest(
        kept_id=str(row["id"]),
        sealed_key=base64.b64decode(str(row["key"])),
        part_size=int(row["part"]),
        size=int(row["size"]),
    )
