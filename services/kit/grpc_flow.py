"""How much of a stream gRPC takes in before anybody reads it."""

FLOW_CONTROL = [
    # Left to itself gRPC takes in what the line could carry meanwhile, and a busy process looks
    # like a long line: twenty uploads at once took a gigabyte before anybody read them.
    ("grpc.http2.bdp_probe", 0),
    # A few frames of an upload: with less, its writer waits for each to be read.
    ("grpc.http2.lookahead_bytes", 768 * 1024),
]
