"""Videos: an operation that ends with a file to download."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.simulator.files import FileShelf
from services.simulator.owned.shelf import Shelf, new_id

_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1beta."
_ROOT = "https://generativelanguage.googleapis.com/v1beta"


@dataclass(frozen=True, slots=True)
class Video:
    """A video that is being made.

    Attributes:
        file_id: Of the result.
        ends: When it is done.
    """

    name: str
    project: str
    prompt: str
    file_id: str
    ends: float


class VideoDesk:
    """Makes videos, which take their time."""

    def __init__(self, now: Callable[[], float], files: FileShelf) -> None:
        """Take the clock, and where results go to."""
        self._now = now
        self._files = files
        self._shelf: Shelf[Video] = Shelf()

    def create(self, model: str, prompt: str, project: str, *, seconds: float) -> dict[str, Any]:
        """Begin a video that takes so many seconds, and return its operation."""
        name = f"models/{model}/operations/{new_id()}"
        self._shelf.put(Video(name, project, prompt, new_id(), self._now() + seconds))
        return {"name": name}

    def get(self, name: str, project: str) -> dict[str, Any]:
        """Return an operation of the project; ApiError when there is none."""
        video = self._shelf.get(name, project)
        if self._now() < video.ends:
            return {"name": name}
        if self._files.find(video.file_id) is None:
            content = b"simulated video: " + video.prompt.encode()
            self._files.put_generated(video.file_id, project, content, mime_type="video/mp4")
        uri = f"{_ROOT}/files/{video.file_id}:download?alt=media"
        return {
            "name": name,
            "done": True,
            "response": {
                "@type": f"{_TYPE}PredictLongRunningResponse",
                "generateVideoResponse": {"generatedSamples": [{"video": {"uri": uri}}]},
            },
        }

    def all_of(self, model: str, project: str) -> list[dict[str, Any]]:
        """Return the operations of a project on a model."""
        videos = self._shelf.all_of(project, f"models/{model}/operations/")
        return [self.get(video.name, project) for video in videos]
