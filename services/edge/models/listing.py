"""Lists of models: without those that are kept back, with those that names can be made of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.edge.model_names import ModelNames
from services.edge.models.choosing import Chosen, Suffix, fits
from services.edge.models.settings import ModelSettings

_PREFIX = "models/"


class Listing:
    """What lists of models are made of."""

    def __init__(self, settings: ModelSettings, *, chatting_model: str = "") -> None:
        """Take the settings.

        Args:
            settings: The settings.
            chatting_model: The model that is told to draw in chats too, empty for none.
        """
        self._filtered = settings.filtered_models
        self._aliases = ModelNames(settings.model_aliases).exact
        self._offers = (
            (Suffix.SEARCH, settings.search_models),
            (Suffix.IMAGE, settings.image_models),
            (Suffix.NON_THINKING, settings.thinking_models),
        )
        self._chatting_model = chatting_model

    @property
    def changes_lists(self) -> bool:
        """Whether a list of Gemini's dialect is another one than the upstream's."""
        return bool(
            self._filtered or self._aliases or any(patterns for _, patterns in self._offers)
        )

    def of(self, models: Iterable[Any], *, chats: bool) -> list[dict[str, Any]]:
        """Return the models of a page as they are offered, derived ones behind the others.

        Args:
            models: The upstream's descriptions.
            chats: Whether the model that draws is offered for chats, too.
        """
        offered = [
            model
            for model in models
            if isinstance(model, dict) and not fits(_name_of(model), self._filtered)
        ]
        by_name = {_name_of(model): model for model in offered}
        for model in offered:
            for derived in self._derived(model, chats=chats):
                # A model of the upstream's own is what its name means first.
                by_name.setdefault(_name_of(derived), derived)
        return list(by_name.values())

    def _derived(self, model: Mapping[str, Any], *, chats: bool) -> Iterator[dict[str, Any]]:
        name = _name_of(model)
        methods = model.get("supportedGenerationMethods")
        if not isinstance(methods, list) or "generateContent" in methods:
            for suffix, patterns in self._offers:
                if fits(name, patterns):
                    yield described_as(model, Chosen(name + suffix.value, name, suffix))
        if chats and name == self._chatting_model:
            yield described_as(model, Chosen(name + Suffix.CHAT.value, name, Suffix.CHAT))
        for alias, target in self._aliases.items():
            if target == name and alias != name:
                yield described_as(model, Chosen(alias, name))


def described_as(model: Mapping[str, Any], chosen: Chosen) -> dict[str, Any]:
    """Return the upstream's description of a model under the name that the client uses."""
    described = {**model, "name": _PREFIX + chosen.asked}
    title = model.get("displayName")
    if chosen.suffix is not None and isinstance(title, str):
        described["displayName"] = f"{title} ({chosen.suffix.value[1:]})"
    return described


def _name_of(model: Mapping[str, Any]) -> str:
    return str(model.get("name") or "").removeprefix(_PREFIX)
