"""All that the edge knows of models, built once when it starts."""

from dataclasses import dataclass

from services.edge.models.amending import Amendments
from services.edge.models.choosing import Choices
from services.edge.models.listing import Listing
from services.edge.models.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Models:
    """What names of models mean, what is added to requests, and what is listed."""

    choices: Choices
    amendments: Amendments
    listing: Listing


def build_models(settings: ModelSettings, *, image_model: str, lists_chats: bool) -> Models:
    """Build it from the settings.

    Args:
        settings: The settings about models.
        image_model: The model that draws.
        lists_chats: Whether that is listed for chats.
    """
    return Models(
        choices=Choices(settings, image_model),
        amendments=Amendments(settings),
        listing=Listing(settings, chatting_model=image_model if lists_chats else ""),
    )
