"""A lean HTTP/1.1 client: whole requests out, answers in pieces, one pool for one server."""
