"""Google's resumable uploads, as far as the files service uses them."""

import base64
import itertools
from hashlib import sha256

import orjson


class Upload:
    """One upload: bytes in, their hash out."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.received = 0

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._hash.update(data)
        self.received += len(data)

    def file(self, name: str) -> bytes:
        """Return what Google tells of the file once it is whole."""
        told = base64.b64encode(self._hash.digest()).decode()
        file = {
            "name": f"files/{name}",
            "uri": f"https://generativelanguage.googleapis.com/v1beta/files/{name}",
            "mimeType": "application/octet-stream",
            "sizeBytes": str(self.received),
            "createTime": "2026-01-01T00:00:00.000000Z",
            "updateTime": "2026-01-01T00:00:00.000000Z",
            "expirationTime": "2036-01-01T00:00:00.000000Z",
            "sha256Hash": told,
            "state": "ACTIVE",
            "source": "UPLOADED",
        }
        return orjson.dumps({"file": file})


class Uploads:
    """All uploads that were started and have not ended."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._open: dict[str, Upload] = {}

    def start(self) -> str:
        """Begin an upload and return its id."""
        name = f"bench{next(self._numbers)}"
        self._open[name] = Upload()
        return name

    def find(self, name: str) -> Upload | None:
        """Return an upload that has not ended."""
        return self._open.get(name)

    def end(self, name: str) -> None:
        """Forget an upload."""
        self._open.pop(name, None)
