"""Every failure that the key pool reports beside those of the kit."""

import grpc

from services.kit.errors import ServiceError


class KeyPoolError(ServiceError):
    """A failure of the key pool's own."""


class LeaseUnknownError(KeyPoolError):
    """The text was never a lease of this pool."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "LEASE_UNKNOWN"


class LeaseLapsedError(KeyPoolError):
    """The lease has run out or was settled."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "LEASE_LAPSED"


class ResourceBoundError(KeyPoolError):
    """The name was to be new and is bound already."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "RESOURCE_BOUND"


class TokenUnknownError(KeyPoolError):
    """No such client token, or no such token id."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "TOKEN_UNKNOWN"


class TokenRevokedError(KeyPoolError):
    """The token was revoked."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "TOKEN_REVOKED"


class TokenExpiredError(KeyPoolError):
    """The token's time is over."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "TOKEN_EXPIRED"


class TokenExistsError(KeyPoolError):
    """The chosen token is known, or was revoked and stays so."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "TOKEN_EXISTS"


class KeyUnknownError(KeyPoolError):
    """No such key."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "KEY_UNKNOWN"


class ProjectUnknownError(KeyPoolError):
    """No such project: it has no key."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "PROJECT_UNKNOWN"


class MergeRefusedError(KeyPoolError):
    """These projects cannot be merged."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "MERGE_REFUSED"


class QuotaUnknownError(KeyPoolError):
    """No limit is declared for this."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "QUOTA_UNKNOWN"


class EgressUnknownError(KeyPoolError):
    """No such way out."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "EGRESS_UNKNOWN"


class FiledError(KeyPoolError):
    """The quota file declares this, so that it can be changed there alone."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "DECLARED_IN_FILE"


class UpstreamAwayError(KeyPoolError):
    """The upstream could not be asked, or did not say."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "UPSTREAM_AWAY"


class DiscoveryBusyError(KeyPoolError):
    """Keys of this pool are being examined already."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "DISCOVERY_BUSY"
