"""Every failure that the edge itself reports to a client."""


class ApiError(Exception):
    """A failure in the words of neither dialect yet.

    Attributes:
        status: The HTTP status.
        message: For the client; without secrets.
        code: Machine-readable reason, in lower case as OpenAI writes it.
        param: The request's field that is wrong, if one is.
        retry_after: Seconds after which trying again can help.
        retryable: False tells clients not to try again by themselves.
        google_status: Google's word for it, where the HTTP status does not tell.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
        google_status: str | None = None,
    ) -> None:
        """Describe the failure."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.retryable = retryable
        self.google_status = google_status


def bad_request(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """The request cannot be understood."""
    return ApiError(400, message, code=code, param=param)


def token_missing() -> ApiError:
    """No token was sent."""
    return ApiError(
        401,
        "A token is needed: send it as 'Authorization: Bearer <token>', "
        "'x-goog-api-key: <token>', 'x-api-key: <token>' or '?key=<token>'.",
        code="missing_api_key",
        retryable=False,
    )


def token_refused(problem: str) -> ApiError:
    """The token opens nothing; an agent may try such an answer again for minutes if it is let."""
    return ApiError(
        401, f"The token was refused: {problem}.", code="invalid_api_key", retryable=False
    )


def scope_missing(scope: str) -> ApiError:
    """The token is good, but not for this."""
    return ApiError(403, f"The token lacks the scope '{scope}'.", code="scope_missing")


def model_not_allowed(model: str) -> ApiError:
    """The token is good, but not for this model."""
    return ApiError(
        403, f"The token may not use the model '{model}'.", code="model_not_allowed", param="model"
    )


def pool_not_allowed(message: str) -> ApiError:
    """The token is good, but not for keys of this kind."""
    return ApiError(403, message, code="pool_not_allowed")


def vertex_not_set_up() -> ApiError:
    """There are no keys of Vertex express."""
    return ApiError(
        501,
        "Vertex express is not set up here: the operator has given no VERTEX_API_KEYS.",
        code="not_set_up",
        retryable=False,
    )


def model_not_offered(model: str) -> ApiError:
    """The model may exist, and is not served here."""
    return ApiError(
        404, f"The model '{model}' is not offered here.", code="model_not_found", param="model"
    )


def not_found(method: str, path: str) -> ApiError:
    """There is no such route."""
    return ApiError(404, f"There is no {method} {path[:200]} here.", code="unknown_url")


def method_not_allowed(method: str, allowed: str) -> ApiError:
    """The route exists, but not for this method."""
    return ApiError(
        405, f"{method} is not possible here; {allowed} is.", code="method_not_supported"
    )


def not_built(what: str) -> ApiError:
    """The route is known, and this version does not serve it."""
    return ApiError(501, f"{what} are not served by this version.", code="not_implemented")


def not_possible(what: str, why: str) -> ApiError:
    """The route exists at Google, and cannot work with keys that clients share."""
    return ApiError(501, f"{what} is not possible here: {why}", code="not_possible")


def body_too_large(limit: int) -> ApiError:
    """The body is longer than allowed."""
    return ApiError(
        413, f"The request body is longer than {limit} bytes.", code="request_too_large"
    )


def client_silent(seconds: float) -> ApiError:
    """The client stopped in the middle of its body."""
    return ApiError(408, f"Nothing came for {seconds:g} seconds.", code="request_timeout")


def files_away() -> ApiError:
    """The files service cannot be reached, or cannot decide."""
    return ApiError(
        503,
        "The files service is not available at the moment. Try again in a moment.",
        code="files_unavailable",
        retry_after=1,
    )


def no_files() -> ApiError:
    """This edge was started without a files service."""
    return ApiError(
        501, "Files are not served here: the edge has no FILES_TARGET.", code="not_implemented"
    )


def pool_away() -> ApiError:
    """The key pool cannot be reached and no key is known."""
    return ApiError(
        503,
        "The key pool is not available at the moment. Try again in a moment.",
        code="pool_unavailable",
        retry_after=1,
    )


def upstream_unusable() -> ApiError:
    """Every attempt failed for reasons that are not the client's business."""
    return ApiError(
        503,
        "No upstream credential could serve this request. The operator has been told.",
        code="no_usable_key",
    )


def resources_split() -> ApiError:
    """The request names things of several projects that cannot be brought together."""
    return ApiError(
        400,
        "What this request names lies in several upstream projects, and cannot be brought "
        "together: only files can, and only when their bytes are kept here. Upload the files "
        "again one after the other, which puts them into one project, or ask the operator to "
        "set FILES_STORE_URL.",
        code="resources_split",
        google_status="FAILED_PRECONDITION",
    )


def name_taken(name: str) -> ApiError:
    """Somebody has a thing of this name already."""
    return ApiError(
        409,
        f"{name} already exists. Choose another name.",
        code="already_exists",
        google_status="ALREADY_EXISTS",
    )


def owner_unusable() -> ApiError:
    """The one project that could serve the request has no key that works."""
    return ApiError(
        503,
        "The project that holds what the request names cannot be used at the moment. "
        "The operator has been told.",
        code="owner_unusable",
    )


def outcome_unknown() -> ApiError:
    """The connection was lost after a request that creates something was sent."""
    return ApiError(
        502,
        "The connection to the upstream was lost after the request had been sent: outcome unknown.",
        code="outcome_unknown",
        retryable=False,
    )


def upstream_unreached() -> ApiError:
    """No connection to the upstream could be had, whatever the key."""
    return ApiError(
        503,
        "The upstream cannot be reached at the moment. Try again in a moment.",
        code="upstream_unreachable",
        retry_after=1,
    )


def upstream_lost() -> ApiError:
    """The upstream broke the connection."""
    return ApiError(502, "The connection to the upstream was lost.", code="upstream_lost")


def upstream_timed_out() -> ApiError:
    """The upstream took too long."""
    return ApiError(504, "The upstream did not answer in time.", code="upstream_timeout")


class AnswerTooLargeError(ApiError):
    """An answer is longer than what is held at once."""

    def __init__(self) -> None:
        """Describe it."""
        super().__init__(502, "The answer is too long.", code="answer_too_large")


def answer_cut() -> ApiError:
    """A stream ended before its answer did."""
    return ApiError(502, "The upstream ended the answer before it was complete.", code="truncated")


def shutting_down() -> ApiError:
    """The edge is being stopped and cannot let the stream go on."""
    return ApiError(503, "The service is restarting. Send the request again.", code="restarting")
