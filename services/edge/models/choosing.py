"""From the name that a client gives a model to the model, and what the name asks for besides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import TypeVar

from services.edge.errors import model_not_offered
from services.edge.model_names import ModelNames
from services.edge.models.settings import ModelSettings

T = TypeVar("T")


class Suffix(Enum):
    """What may stand behind the name of a model."""

    SEARCH = "-search"
    IMAGE = "-image"
    NON_THINKING = "-non-thinking"
    CHAT = "-chat"
    """Behind the model that draws: it draws in chats."""


_SPELLINGS = (
    ("-image-generation", Suffix.IMAGE),
    *((suffix.value, suffix) for suffix in (Suffix.IMAGE, Suffix.SEARCH, Suffix.NON_THINKING)),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model as a client has chosen it.

    Attributes:
        asked: What the client calls it, without `models/`.
        model: What the upstream calls it.
        suffix: What the name asks for besides, if anything.
    """

    asked: str
    model: str
    suffix: Suffix | None = None


class Choices:
    """What clients can choose from."""

    def __init__(self, settings: ModelSettings, image_model: str) -> None:
        """Take the settings, and the model that draws."""
        self._names = ModelNames(settings.model_aliases)
        self._searching = settings.search_models
        self._drawing = settings.image_models
        self._filtered = settings.filtered_models
        self._fallbacks = settings.model_fallbacks
        self._image_model = image_model
        # Google has models whose own names end like a suffix.
        self._whole = {
            *settings.search_models,
            *settings.image_models,
            *settings.thinking_models,
            image_model,
        }

    def choose(self, name: str) -> Chosen:
        """Return what a name means; a name that means nothing else is a model's.

        Raises:
            ApiError: 404 when the model is kept back.
        """
        asked = name.removeprefix("models/")
        model, suffix = self._taken_apart(self._names.upstream(asked))
        for each in (asked, model):
            self.check_offered(each)
        return Chosen(asked, model, suffix)

    def named(self, name: str) -> str:
        """Return the model of a name whose end means nothing besides.

        Raises:
            ApiError: 404 when the model is kept back.
        """
        asked = name.removeprefix("models/")
        model = self._names.upstream(asked)
        for each in (asked, model):
            self.check_offered(each)
        return name if model == asked else model

    def check_offered(self, model: str) -> None:
        """Raise ApiError 404 when a model is kept back."""
        if self._filtered and fits(model, self._filtered):
            raise model_not_offered(model)

    def fallbacks(self, chosen: Chosen) -> list[Chosen]:
        """Return what may answer in place of a model, in order."""
        models = found_for(chosen.model, self._fallbacks) or ()
        return [
            Chosen(chosen.asked, model, chosen.suffix)
            for model in dict.fromkeys(models)
            if model != chosen.model and not fits(model, self._filtered)
        ]

    def _taken_apart(self, name: str) -> tuple[str, Suffix | None]:
        if name in self._whole:
            return name, None
        if name == f"{self._image_model}{Suffix.CHAT.value}":
            return self._image_model, Suffix.CHAT
        for spelling, suffix in _SPELLINGS:
            base = name.removesuffix(spelling)
            if base not in {"", name} and self._may_have(base, suffix):
                return base, suffix
        return name, None

    def _may_have(self, model: str, suffix: Suffix) -> bool:
        if suffix is Suffix.SEARCH:
            return fits(model, self._searching)
        return suffix is Suffix.NON_THINKING or fits(model, self._drawing)


def fits(model: str, patterns: Iterable[str]) -> bool:
    """Whether a model is among those that are named or described."""
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def found_for(model: str, table: Mapping[str, T]) -> T | None:
    """Return what a table holds for a model: under its name, else under the first pattern."""
    if (found := table.get(model)) is not None:
        return found
    return next((each for pattern, each in table.items() if fnmatchcase(model, pattern)), None)
