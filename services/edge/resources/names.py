"""Names of things that Google ties to a project."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

_ID = r"[A-Za-z0-9._~=\-]{1,256}"
_ROOTS = (
    "files|cachedContents|fileSearchStores|batches|operations|tunedModels|corpora|interactions"
    "|environments|auth_tokens"
)
_ROOT = re.compile(rf"(?P<root>(?:{_ROOTS})/{_ID}|models/{_ID}/operations/{_ID})(?P<below>/.*)?")


@dataclass(frozen=True, slots=True)
class Binding:
    """Which project and which client a thing belongs to.

    Attributes:
        name: As Google names it, such as `files/abc-123`.
        project_id: Whose keys can reach it.
        client_id: Who made it.
        expire_time: When it goes away by itself; None when that is not known.
        create_time: When it was bound; None before that.
    """

    name: str
    project_id: str
    client_id: str
    expire_time: datetime | None = None
    create_time: datetime | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a file, the only thing that can be made usable in another project."""
        return self.name.startswith("files/")


def root_of(name: str) -> str | None:
    """Return the name under which a thing is bound; None when it is bound to no project.

    What lies below another thing belongs to whoever that belongs to: documents and
    operations of a store, operations and permissions of a tuned model. The name of an
    ephemeral token is a credential, so a hash of it stands for it.
    """
    match = _ROOT.fullmatch(name)
    if match is None:
        return None
    root = match["root"]
    if root.startswith("auth_tokens/"):
        return f"auth_tokens/{hashlib.sha256(root.encode()).hexdigest()}"
    return root
