"""What serves the public routes, made from the shared parts."""

from dataclasses import dataclass

from services.edge.audio.speech_route import SpeechRoute
from services.edge.audio.transcription_route import TranscriptionRoute
from services.edge.chat_routes import ChatRoutes
from services.edge.file_routes import FileRoutes
from services.edge.gemini_routes import GeminiRoutes
from services.edge.images.image_routes import ImageRoutes
from services.edge.media_routes import MediaRoutes
from services.edge.message_routes import MessageRoutes
from services.edge.openai_file_routes import OpenAiFileRoutes
from services.edge.openai_routes import OpenAiRoutes
from services.edge.resources.interactions import InteractionRoutes
from services.edge.resources.making import Making
from services.edge.resources.routes import ResourceRoutes
from services.edge.response_routes import ResponseRoutes
from services.edge.runtime import Runtime
from services.edge.uploads.routes import UploadRoutes


@dataclass(frozen=True, slots=True)
class Handlers:
    """What serves the routes, by what they are about."""

    chat: ChatRoutes
    openai: OpenAiRoutes
    openai_files: OpenAiFileRoutes
    speech: SpeechRoute
    transcriptions: TranscriptionRoute
    translations: TranscriptionRoute
    gemini: GeminiRoutes
    files: FileRoutes
    uploads: UploadRoutes
    resources: ResourceRoutes
    interactions: InteractionRoutes
    media: MediaRoutes
    images: ImageRoutes
    messages: MessageRoutes
    responses: ResponseRoutes


def build_handlers(runtime: Runtime, making: Making) -> Handlers:
    """Return what serves the routes."""
    return Handlers(
        chat=ChatRoutes(runtime),
        openai=OpenAiRoutes(runtime),
        openai_files=OpenAiFileRoutes(runtime),
        speech=SpeechRoute(runtime),
        transcriptions=TranscriptionRoute(runtime, is_translation=False),
        translations=TranscriptionRoute(runtime, is_translation=True),
        gemini=GeminiRoutes(runtime, making),
        files=FileRoutes(runtime),
        uploads=UploadRoutes(runtime),
        resources=ResourceRoutes(runtime, making),
        interactions=InteractionRoutes(runtime, making),
        media=MediaRoutes(runtime.media),
        images=ImageRoutes(runtime),
        messages=MessageRoutes(runtime),
        responses=ResponseRoutes(runtime),
    )
