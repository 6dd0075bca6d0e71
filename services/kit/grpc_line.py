"""How connections between services are found, kept alive and made anew.

Both sides stand here because they must agree: a server cuts off a caller that pings more often
than it allows ("too_many_pings").
"""

_PING_SECONDS = 60
_PONG_SECONDS = 4
"""Also how long what was sent may stay without a sign that it has arrived: a neighbour whose host
is cut off must be noticed while the call can still be made to another."""

_AGE_SECONDS = 6
"""Clients look addresses up when a connection ends, and only then: a replica that is added is
found so soon. A new connection costs both sides together 1 ms of CPU, with certificates 2 ms."""

_LOOKUP_SECONDS = 5

_LONGEST_CALL_SECONDS = 3600
"""A connection of age takes no new calls; those that run go on, uploads above all."""

CLIENT_LINE = [
    ("grpc.dns_min_time_between_resolutions_ms", _LOOKUP_SECONDS * 1000),
    # A killed neighbour is back within a second or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", _PING_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", _PONG_SECONDS * 1000),
    # `http_proxy` is for the way to Google, not for neighbours.
    ("grpc.enable_http_proxy", 0),
]

SERVER_LINE = [
    # A port in use must be an error, not a share of the traffic.
    ("grpc.so_reuseport", 0),
    # gRPC itself varies it by a tenth, so that callers do not come back all at once.
    ("grpc.max_connection_age_ms", _AGE_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", _LONGEST_CALL_SECONDS * 1000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", _PING_SECONDS * 1000 // 2),
    ("grpc.keepalive_permit_without_calls", 1),
]
