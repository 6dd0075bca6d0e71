"""File search stores: documents, and the operations that bring them in.

Creating a store, uploading into it and deleting it were recorded from the real service.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.simulator.clock import timestamp
from services.simulator.errors import ApiError
from services.simulator.owned.shelf import Shelf, new_id

_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main."
_LONGEST_STEM = 27


@dataclass(frozen=True, slots=True)
class Kept:
    """A store, a document or an operation, as the API shows it."""

    name: str
    project: str
    shown: dict[str, Any]


class StoreDesk:
    """The stores of all projects."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Start empty; `now` returns seconds since the epoch."""
        self._now = now
        self._stores: Shelf[Kept] = Shelf()
        self._below: Shelf[Kept] = Shelf()

    def create(self, display_name: str, project: str) -> dict[str, Any]:
        """Make an empty store."""
        stem = "".join(letter for letter in display_name.lower() if letter.isalnum())
        name = f"fileSearchStores/{(stem[:_LONGEST_STEM] + '-') if stem else ''}{new_id()}"
        stamp = timestamp(self._now())
        shown = {"name": name, "createTime": stamp, "updateTime": stamp}
        shown |= {"displayName": display_name, "embeddingModel": "models/gemini-embedding-001"}
        return self._stores.put(Kept(name, project, shown)).shown

    def get(self, name: str, project: str) -> dict[str, Any]:
        """Return a store of the project; ApiError when there is none."""
        store = self._stores.get(name, project)
        documents = self._below.all_of(project, f"{name}/documents/")
        if not documents:
            return store.shown
        size = sum(int(document.shown["sizeBytes"]) for document in documents)
        return store.shown | {
            "activeDocumentsCount": str(len(documents)),
            "sizeBytes": str(size),
        }

    def all_of(self, project: str) -> list[dict[str, Any]]:
        """Return the stores of a project."""
        return [self.get(store.name, project) for store in self._stores.all_of(project)]

    def delete(self, name: str, project: str, *, force: bool) -> None:
        """Remove a store; one that is not empty only by force."""
        self._stores.get(name, project)
        below = self._below.all_of(project, f"{name}/")
        if below and not force:
            raise ApiError(
                400, "Cannot delete a non-empty FileSearchStore.", status="FAILED_PRECONDITION"
            )
        for kept in below:
            self._below.delete(kept.name, project)
        self._stores.delete(name, project)

    def add(
        self,
        store: str,
        project: str,
        *,
        display_name: str,
        mime_type: str,
        size_bytes: int,
        metadata: list[dict[str, Any]],
        is_upload: bool,
    ) -> dict[str, Any]:
        """Put a document into a store and return the operation that did so."""
        self._stores.get(store, project)
        document_id = new_id()
        document = f"{store}/documents/{document_id}"
        stamp = timestamp(self._now())
        shown: dict[str, Any] = {
            "name": document,
            "displayName": display_name,
            "createTime": stamp,
            "updateTime": stamp,
            "state": "STATE_ACTIVE",
            "sizeBytes": str(size_bytes),
            "mimeType": mime_type,
        }
        if metadata:
            shown["customMetadata"] = metadata
        self._below.put(Kept(document, project, shown))
        kind = "UploadToFileSearchStoreResponse" if is_upload else "ImportFileResponse"
        response = {"@type": f"{_TYPE}{kind}", "parent": store, "documentName": document}
        if is_upload:
            response |= {"mimeType": mime_type, "sizeBytes": str(size_bytes)}
        place = "upload/operations" if is_upload else "operations"
        name = f"{store}/{place}/{document_id}-{new_id()}"
        operation = {"name": name, "done": True, "response": response}
        self._below.put(Kept(name, project, operation))
        return {"name": name, "response": response} if is_upload else {"name": name}

    def below(self, name: str, project: str) -> dict[str, Any]:
        """Return a document or an operation; ApiError when there is none."""
        return self._below.get(name, project).shown

    def documents(self, store: str, project: str) -> list[dict[str, Any]]:
        """Return the documents of a store; ApiError when there is no such store."""
        self._stores.get(store, project)
        return [kept.shown for kept in self._below.all_of(project, f"{store}/documents/")]

    def delete_below(self, name: str, project: str) -> None:
        """Remove a document; ApiError when there is none."""
        self._below.delete(name, project)
