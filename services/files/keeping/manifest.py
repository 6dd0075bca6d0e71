"""What is kept of one file, and under which names."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file that lies in one object.

    Attributes:
        start: Offset of its first byte in the file.
        size: So many bytes of the object belong to the file; it may hold more.
    """

    start: int
    size: int

    @property
    def end(self) -> int:
        """Offset of the byte after its last one."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Manifest:
    """The kept parts of one file.

    Attributes:
        kept_id: Random, and the name under which the parts stand in the store.
        sealed_key: The file's own data key, sealed.
        part_size: Bytes of each part but those before a shift and the last.
        size: Bytes of the file, once known.
        shifts: Offsets at which parts begin although the one before is not full: there the
            upstream had taken a piece of a part.
    """

    kept_id: str
    sealed_key: bytes
    part_size: int
    size: int = 0
    shifts: tuple[int, ...] = ()

    @property
    def parts(self) -> Iterator[Part]:
        """The parts in their order."""
        bounds = [0, *(shift for shift in self.shifts if shift < self.size), self.size]
        for first, last in pairwise(bounds):
            for start in range(first, last, self.part_size):
                yield Part(start, min(self.part_size, last - start))

    def begins_at(self, start: int) -> bool:
        """Whether a part begins at an offset, as far as is known."""
        last = self.shifts[-1] if self.shifts else 0
        return start >= last and (start - last) % self.part_size == 0

    def shifted(self, start: int) -> "Manifest":
        """Return the manifest with a part that begins at an offset, and others after it."""
        return replace(self, shifts=(*(shift for shift in self.shifts if shift < start), start))

    def with_size(self, size: int) -> "Manifest":
        """Return the manifest of a file of so many bytes."""
        return replace(self, size=size)

    def object_name(self, start: int) -> str:
        """Return the name of the object of the part that begins at an offset."""
        return f"{self.kept_id}/{start:010d}"


def new_kept_id() -> str:
    """Return a name for a file's parts that nobody can guess."""
    return secrets.token_hex(_ID_BYTES)


def to_row(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as the store of records keeps it."""
    return {
        "id": manifest.kept_id,
        "key": base64.b64encode(manifest.sealed_key).decode(),
        "part": manifest.part_size,
        "size": manifest.size,
        "shifts": manifest.shifts,
    }


def from_row(row: dict[str, Any]) -> Manifest:
    """Return what `to_row` wrote."""
    return Manifest(
        kept_id=row["id"],
        sealed_key=base64.b64decode(row["key"]),
        part_size=row["part"],
        size=row["size"],
        shifts=tuple(row["shifts"]),
    )
