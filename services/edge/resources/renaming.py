"""Answers in the names that a client knows, when its files were cited by those of copies."""

import re
from collections.abc import Mapping


class Renaming:
    """The names of copies, and what the client calls them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take the copy's name for each name of the client's, both as `files/...`."""
        self.names = dict(names)
        self._own = {
            copy.removeprefix("files/").encode(): name.removeprefix("files/").encode()
            for name, copy in names.items()
            if name != copy
        }
        ids = b"|".join(re.escape(copy) for copy in sorted(self._own, key=len, reverse=True))
        # Google's complaint about a file names it without its collection.
        self._pattern = re.compile(
            rb"(?P<before>files\\?/|the File )(?P<id>" + ids + rb")(?![a-zA-Z0-9_\-])"
        )

    def back(self, answer: bytes) -> bytes:
        """Return an answer, or whole events of one, with the client's own names."""
        if not self._own:
            return answer
        return self._pattern.sub(lambda found: found["before"] + self._own[found["id"]], answer)
