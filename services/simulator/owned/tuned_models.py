"""Tuned models: a base model under a name of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.simulator.clock import timestamp
from services.simulator.errors import ApiError
from services.simulator.owned.shelf import Shelf, new_id


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A tuned model; its training has ended as it begins."""

    name: str
    project: str
    base: str
    display_name: str
    created: float

    def describe(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "name": self.name,
            "baseModel": f"models/{self.base}",
            "displayName": self.display_name,
            "state": "ACTIVE",
            "createTime": timestamp(self.created),
            "updateTime": timestamp(self.created),
        }


class TunedModels:
    """The tuned models of all projects."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Start empty; `now` returns seconds since the epoch."""
        self._now = now
        self._shelf: Shelf[TunedModel] = Shelf(_missing)

    def create(self, request: dict[str, Any], wanted: str, project: str) -> dict[str, Any]:
        """Make a model and return the operation that did so."""
        model_id = wanted or f"tuned-{new_id()}"
        base = request.get("baseModel", "").removeprefix("models/")
        model = TunedModel(
            f"tunedModels/{model_id}",
            project,
            base,
            request.get("displayName", ""),
            self._now(),
        )
        self._shelf.put(model)
        return {
            "name": f"{model.name}/operations/{new_id()}",
            "metadata": {"tunedModel": model.name, "completedPercent": 100},
        }

    def get(self, name: str, project: str) -> TunedModel:
        """Return a model of the project; ApiError when there is none."""
        return self._shelf.get(name, project)

    def all_of(self, project: str) -> list[dict[str, Any]]:
        """Return the models of a project."""
        return [model.describe() for model in self._shelf.all_of(project)]

    def delete(self, name: str, project: str) -> None:
        """Remove a model; ApiError when there is none."""
        self._shelf.delete(name, project)


def _missing() -> ApiError:
    return ApiError(404, "Tuned model does not exist.")
