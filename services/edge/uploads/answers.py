"""How an upload stands, as answers tell it."""

from services.edge.envelopes import Headers
from services.edge.errors import ApiError
from services.edge.files_errors import UploadError
from services.edge.http import Exchange
from services.edge.uploads.upload import Upload, UploadState

_NOTHING = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON = "application/json; charset=UTF-8"


async def tell_started(exchange: Exchange, upload: Upload, url: str, *, legacy: bool) -> None:
    """Answer the start of an upload."""
    address = url.encode("latin-1")
    headers = [
        *_NOTHING,
        (b"x-goog-upload-status", b"active"),
        (b"x-goog-upload-url", address),
        (b"x-goog-upload-control-url", address),
        (b"x-goog-upload-chunk-granularity", b"%d" % upload.granularity),
    ]
    if legacy:
        headers.append((b"location", address))
    await exchange.answer(200, headers, b"")


async def tell_upload(exchange: Exchange, upload: Upload) -> None:
    """Answer a command with how the upload stands now."""
    match upload.state:
        case UploadState.ACTIVE:
            headers = [
                *_NOTHING,
                (b"x-goog-upload-status", b"active"),
                (b"x-goog-upload-size-received", b"%d" % upload.committed_size),
                (b"x-goog-upload-chunk-granularity", b"%d" % upload.granularity),
            ]
            await exchange.answer(200, headers, b"")
        case UploadState.CANCELLED:
            await exchange.answer(200, [*_NOTHING, (b"x-goog-upload-status", b"cancelled")], b"")
        case UploadState.FINALIZED | UploadState.FAILED:
            # Google's own last word, whether it took the file or not.
            content_type = (upload.content_type or _JSON).encode("latin-1")
            headers = [(b"content-type", content_type), (b"x-goog-upload-status", b"final")]
            await exchange.answer(upload.status or 200, headers, upload.body)


async def tell_legacy(exchange: Exchange, upload: Upload) -> None:
    """Answer a legacy client: 308 and the range received, until there is Google's answer."""
    if upload.state is not UploadState.ACTIVE:
        await tell_upload(exchange, upload)
        return
    headers = list(_NOTHING)
    if upload.committed_size:
        headers.append((b"range", b"bytes=0-%d" % (upload.committed_size - 1)))
    await exchange.answer(308, headers, b"")


def state_headers(error: ApiError) -> Headers:
    """Return what the answer to a failed request tells of the upload.

    Without a status, the SDKs send the same bytes again; `final` makes them give up.
    """
    if isinstance(error, UploadError):
        status, committed = error.upload_status, error.committed_size
    else:
        passes = error.status >= 500 or error.status in {408, 429}
        status, committed = "" if passes else "final", None
    headers = []
    if status:
        headers.append((b"x-goog-upload-status", status.encode()))
    if committed is not None:
        headers.append((b"x-goog-upload-size-received", b"%d" % committed))
    return headers
