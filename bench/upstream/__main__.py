"""Run the upstream: `python -m bench.upstream PORT [CERTIFICATE KEY]`."""

import asyncio
import gc
import ssl
import sys

import uvloop

from bench.upstream.server import Connection, Upstream


async def serve(port: int, tls: ssl.SSLContext | None) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    upstream = Upstream(loop)
    server = await loop.create_server(
        lambda: Connection(upstream), "127.0.0.1", port, ssl=tls, backlog=4096
    )
    gc.freeze()
    await server.serve_forever()


def main(port: str, *certificate: str) -> None:
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
    uvloop.run(serve(int(port), tls))


if __name__ == "__main__":
    main(*sys.argv[1:])
