"""Pictures, sound and files: OpenAI's content parts as parts of a Gemini turn."""

import base64
import binascii
import mimetypes
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    missing,
    note_others,
    read_name,
    read_object,
    read_string,
    wrong_value,
)

Part = dict[str, Any]

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+\-]*/[a-z0-9][a-z0-9!#$&^_.+\-]*")
_FILE_NAME = re.compile(r"(?:files/|file-)(?P<id>[a-z0-9][a-z0-9\-]{0,62})")
# On any host: clients know a file by the address of the gateway that took it, too.
_FILE_URI = re.compile(
    r"https?://[^/?#\s]+/(?:[^?#\s]*/)?v1(?:beta|alpha)?/files/[A-Za-z0-9_\-]+(?::download\S*)?"
)
_ADDRESS = re.compile(r"(?:data:|https?://)", re.IGNORECASE)
_VIDEO_PAGE = re.compile(r"https://(?:(?:www|m)\.youtube\.com/(?:watch\?|shorts/)|youtu\.be/)")
_FILES_ROOT = "https://generativelanguage.googleapis.com/v1beta/files/"
_LONGEST_HEAD = 256
_DETAILS = ("auto", "low", "high", "original")
_REPAIRED_TYPES = {
    "image/jpg": "image/jpeg",
    "audio/mpeg3": "audio/mp3",
    "audio/x-wav": "audio/wav",
}


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """Media behind a web address, to be fetched before the request can be sent.

    Attributes:
        url: An http or https address, as the client wrote it.
        param: The path of the field that holds it.
        part: The place in the Gemini body that waits for the bytes.
    """

    url: str
    param: str
    part: Part

    def fill(self, media_type: str, data: bytes) -> None:
        """Put the fetched bytes in place."""
        self.part["inlineData"] = {
            "mimeType": _repaired(media_type),
            "data": base64.b64encode(data).decode(),
        }


class MediaReader:
    """Reads the media parts of one request, and remembers what concerns all of it.

    Attributes:
        remote: Media that is still to be fetched.
        details: The `detail` of every image.
        ignored: Takes the paths of what has no counterpart.
    """

    def __init__(self, ignored: list[str]) -> None:
        self.ignored = ignored
        self.remote: list[RemoteMedia] = []
        self.details: list[str] = []

    @property
    def resolution(self) -> str | None:
        """Gemini's mediaResolution, one for all images: the finest that any of them asks for."""
        if "high" in self.details or "original" in self.details:
            return "MEDIA_RESOLUTION_HIGH"
        if self.details and all(detail == "low" for detail in self.details):
            return "MEDIA_RESOLUTION_LOW"
        return None

    def note_details(self, name: str) -> None:
        """Note under a name that images differ in their details, where one must do for all."""
        finest = {"high", "original"} & {*self.details}
        if "low" in self.details and (finest or self.resolution is None):
            self.ignored.append(name)

    def read_address(self, value: object, param: str) -> Part:
        """Return the part for `image_url` or `video_url`, as an object or a bare address."""
        if isinstance(value, str):
            self.details.append("auto")
            return self.locate(value, param)
        holder = read_object(value, param)
        note_others(holder, ("url", "detail"), param, self.ignored)
        detail = holder.get("detail")
        if detail is not None:
            name = read_string(detail, f"{param}.detail")
            if name not in _DETAILS:
                raise wrong_value(name, f"{param}.detail", _DETAILS)
        self.details.append(detail or "auto")
        return self.locate(read_name(holder.get("url"), f"{param}.url"), f"{param}.url")

    def read_sound(self, value: object, param: str, kind: str) -> Part:
        """Return the part for `input_audio` or `input_video`: base64 data and a format."""
        holder = read_object(value, param)
        note_others(holder, ("data", "format"), param, self.ignored)
        data = read_name(holder.get("data"), f"{param}.data")
        if _ADDRESS.match(data):
            return self.locate(data, f"{param}.data")
        form = read_name(holder.get("format"), f"{param}.format").lower()
        media_type = form if "/" in form else f"{kind}/{form}"
        return inline_data(media_type, data, f"{param}.data")

    def read_file(self, value: object, param: str) -> Part:
        """Return the part for `file`: its bytes, or the name of an uploaded file."""
        holder = read_object(value, param)
        name = holder.get("filename")
        if name is not None:
            read_string(name, f"{param}.filename")
        guessed = mimetypes.guess_type(name or "")[0]
        if holder.get("file_url") is not None:
            url = read_name(holder["file_url"], f"{param}.file_url")
            note_others(holder, ("file_url", "filename"), param, self.ignored)
            return self.locate(url, f"{param}.file_url", guessed)
        read = ["file_data" if holder.get("file_data") is not None else "file_id"]
        if guessed is not None:
            # Gemini has no place for a name, but the type that it tells is told.
            read.append("filename")
        note_others(holder, read, param, self.ignored)
        if holder.get("file_data") is not None:
            data = read_name(holder["file_data"], f"{param}.file_data")
            if _ADDRESS.match(data):
                return self.locate(data, f"{param}.file_data", guessed)
            if guessed is None:
                raise BadRequestError(
                    f"The media type of '{param}' is not known: send a data URL, or a "
                    "'filename' with an extension.",
                    param,
                    "invalid_value",
                )
            return inline_data(guessed, data, f"{param}.file_data")
        if holder.get("file_id") is None:
            raise missing(f"{param}.file_id")
        file_id = read_name(holder["file_id"], f"{param}.file_id")
        uri = file_uri(file_id)
        if uri is None:
            raise BadRequestError(
                f"Invalid '{param}.file_id': expected the id, name or URI of an uploaded file, "
                "such as 'file-abc123' or 'files/abc123'.",
                f"{param}.file_id",
                "invalid_value",
            )
        return file_part(uri, guessed)

    def locate(self, url: str, param: str, default_type: str | None = None) -> Part:
        """Return the part for an address: a data URL, an uploaded file, or of the web."""
        if url[:5].lower() == "data:":
            return inline_part(url, param, default_type)
        uri = file_uri(url)
        if uri is not None:
            return file_part(uri, default_type)
        if _VIDEO_PAGE.match(url):
            # Google plays these itself, and nobody else can fetch them.
            return file_part(url, None)
        if _ADDRESS.match(url):
            part: Part = {}
            self.remote.append(RemoteMedia(url, param, part))
            return part
        raise BadRequestError(
            f"Invalid '{param}': expected a data URL, an http(s) URL or the URI of an uploaded "
            "file.",
            param,
            "invalid_value",
        )


def inline_part(url: str, param: str, default_type: str | None = None) -> Part:
    """Return the inlineData part of a `data:` URL."""
    comma = url.find(",", 0, _LONGEST_HEAD)
    if comma < 0:
        raise BadRequestError(f"Invalid '{param}': not a valid data URL.", param, "invalid_value")
    bare, *attributes = url[len("data:") : comma].lower().split(";")
    media_type, data = bare.strip() or (default_type or ""), url[comma + 1 :]
    if "base64" not in (attribute.strip() for attribute in attributes):
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return inline_data(media_type, data, param)


def file_uri(name: str) -> str | None:
    """Return the full URI of an uploaded file; None for what names none.

    Args:
        name: Its URI, its name (`files/abc`) or its id in OpenAI's dialect (`file-abc`).
    """
    if _FILE_URI.fullmatch(name) or name.startswith("gs://"):
        return name
    found = _FILE_NAME.fullmatch(name)
    return _FILES_ROOT + found["id"] if found else None


def file_part(uri: str, media_type: str | None) -> Part:
    """Return the fileData part of an uploaded file."""
    data = {"fileUri": uri}
    if media_type:
        data["mimeType"] = _repaired(media_type)
    return {"fileData": data}


def inline_data(media_type: str, data: str, param: str) -> Part:
    """Return the inlineData part of bytes in base64."""
    media_type = _repaired(media_type)
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise BadRequestError(
            f"Invalid '{param}': its media type is missing or malformed.", param, "invalid_value"
        )
    return {"inlineData": {"mimeType": media_type, "data": _checked_base64(data, param)}}


def _repaired(media_type: str) -> str:
    bare = media_type.partition(";")[0].strip().lower()
    return _REPAIRED_TYPES.get(bare, bare)


def _checked_base64(data: str, param: str) -> str:
    """Return base64 that Google accepts: the client's own where it is clean."""
    try:
        if binascii.a2b_base64(data, strict_mode=True):
            return data
    except ValueError:
        pass
    # Line breaks, the URL alphabet and missing padding are common, and not ambiguous.
    repaired = "".join(data.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    repaired += "=" * (-len(repaired) % 4)
    try:
        decoded = binascii.a2b_base64(repaired, strict_mode=True)
    except ValueError:
        decoded = b""
    if not decoded:
        raise BadRequestError(
            f"Invalid '{param}': its data is empty or not valid base64.", param, "invalid_base64"
        )
    return repaired
