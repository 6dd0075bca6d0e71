"""What the files service reports, as clients are told it."""

import contextlib
import re
from collections.abc import Iterator

import grpc
import orjson

from services.edge.errors import ApiError, bad_request, files_away, not_built, upstream_unusable
from services.kit.errors import RemoteError

# Clients know nothing of the messages that their fields travel in.
_OUTER_FIELD = re.compile(r"^(?:start_body|begin)\.")


class UploadError(ApiError):
    """A failure of an upload.

    Attributes:
        upload_status: What the client is told of the upload's state; with an empty one,
            the SDKs send the same bytes again.
        committed_size: How many bytes are safe, when it was told.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        upload_status: str,
        committed_size: int | None = None,
        google_status: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Describe the failure."""
        super().__init__(
            status, message, code=code, google_status=google_status, retry_after=retry_after
        )
        self.upload_status = upload_status
        self.committed_size = committed_size


# Reason: status, Google's word, the upload's state, message.
_UPLOADS: dict[str, tuple[int, str, str, str]] = {
    "NAME_TAKEN": (409, "ALREADY_EXISTS", "final", "A file of this name already exists."),
    "FILE_TOO_LARGE": (
        400,
        "INVALID_ARGUMENT",
        "final",
        "File size exceeds the limit of {limitBytes} bytes.",
    ),
    "UPLOAD_OFFSET_MISMATCH": (
        409,
        "ABORTED",
        "active",
        "Wrong offset: {committedSize} bytes have been received.",
    ),
    "UPLOAD_PREEMPTED": (
        409,
        "ABORTED",
        "active",
        "Another request is writing to this upload.",
    ),
    "WRITER_SILENT": (408, "DEADLINE_EXCEEDED", "", "Nothing came for too long."),
    "UPLOAD_UNKNOWN": (404, "NOT_FOUND", "final", "There is no such upload, or it has expired."),
    "UPLOAD_CANCELLED": (
        410,
        "FAILED_PRECONDITION",
        "cancelled",
        "The upload has been cancelled.",
    ),
    "UPLOAD_FINALIZED": (
        400,
        "FAILED_PRECONDITION",
        "final",
        "The upload has already been finalized.",
    ),
    "BUFFERS_FULL": (
        503,
        "UNAVAILABLE",
        "",
        "Too many unfinished uploads hold bytes here. Try again in a moment.",
    ),
    "CLIENT_BUFFERS_FULL": (
        429,
        "RESOURCE_EXHAUSTED",
        "",
        "Your unfinished uploads hold too many bytes. Finish one, or try again in a moment.",
    ),
    "TOO_MANY_UPLOADS": (
        429,
        "RESOURCE_EXHAUSTED",
        "",
        "You have {limit} open uploads, which is the most. Finish or cancel one.",
    ),
    "UPSTREAM_UNAVAILABLE": (
        503,
        "UNAVAILABLE",
        "",
        "The upstream is not available. Try again in a moment.",
    ),
}


def files_error(error: RemoteError) -> Exception:
    """Return what a failed call of the files service means for a client.

    It is the error itself when the client can do nothing about it.
    """
    wait = error.retry_delay.total_seconds() if error.retry_delay else None
    if error.reason in _UPLOADS:
        return _upload_error(error, wait)
    match error.reason:
        case "FILE_UNKNOWN":
            return no_such_file(error.metadata.get("name", ""))
        case "RESOURCE_UNKNOWN":
            name = error.metadata.get("name", "")
            return ApiError(404, f"{name or 'The resource'} was not found.", code="not_found")
        case "UPSTREAM_REFUSED":
            return _refused_upstream(error)
        case "NO_KEY" if wait is None:
            return upstream_unusable()
        case "NO_KEY":
            return ApiError(
                429, "No key can serve this at the moment.", code="no_key", retry_after=wait
            )
        case "NOT_BUILT":
            return not_built("Files")
    if error.code is grpc.StatusCode.INVALID_ARGUMENT:
        message = _OUTER_FIELD.sub("", str(error))
        return bad_request(f"{message[:1].upper()}{message[1:]}.", code="invalid_argument")
    is_cut_off = error.reason == "READER_SILENT"
    if error.is_away or is_cut_off or error.code is grpc.StatusCode.INTERNAL:
        return files_away()
    return error


@contextlib.contextmanager
def told_failures() -> Iterator[None]:
    """Turn failures of the service within the block, and its silence, into the edge's words."""
    try:
        yield
    except RemoteError as error:
        raise files_error(error) from error
    except TimeoutError:
        raise files_away() from None


def no_such_file(name: str) -> ApiError:
    """Google's words for a file that does not exist or is not the caller's."""
    file_id = name.removeprefix("files/")
    return ApiError(
        403,
        f"You do not have permission to access the File {file_id} or it may not exist.",
        code="file_unknown",
    )


def _upload_error(error: RemoteError, wait: float | None) -> UploadError:
    status, google_status, upload_status, message = _UPLOADS[error.reason]
    facts = {
        "limitBytes": "2147483648",
        "committedSize": "fewer",
        "limit": "too many",
    } | error.metadata
    committed = error.metadata.get("committedSize", "")
    return UploadError(
        status,
        message.format_map(facts),
        code=error.reason.lower(),
        upload_status=upload_status,
        committed_size=int(committed) if committed.isdecimal() else None,
        google_status=google_status,
        retry_after=wait if wait is not None or status < 500 else 1,
    )


def _refused_upstream(error: RemoteError) -> ApiError:
    """Return Google's own refusal: its status, its words."""
    status = error.metadata.get("httpStatus", "")
    code = int(status) if re.fullmatch(r"[45][0-9]{2}", status) else 502
    try:
        told = orjson.loads(error.metadata.get("body", ""))["error"]
        return ApiError(code, str(told["message"]), google_status=str(told["status"]))
    except (ValueError, KeyError, TypeError):
        return ApiError(code, f"The upstream answered with status {code}.", code="upstream_refused")
