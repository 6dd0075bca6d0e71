"""nginx as Debian ships it: one worker, kept connections, no buffering, one fixed key."""

import shutil
from urllib.parse import urlsplit

from bench.cores import MEASURED, pin
from bench.facts import version_of
from bench.load.connection import Address
from bench.peers.missing import PeerMissingError
from bench.processes import family
from bench.stage import Stage
from bench.starting import start
from bench.target import Target
from tests.support.ports import free_port

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    client_body_buffer_size 2m;
    keepalive_requests 1000000000;
    upstream google {{
        server {upstream};
        keepalive 2048;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://google;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header x-goog-api-key AIzaBench;
            proxy_buffering off;
        }}
    }}
}}
"""


def start_nginx(stage: Stage, upstream: str) -> Target:
    """Start it.

    Raises:
        PeerMissingError: It is not installed.
    """
    program = _program()
    if program is None:
        raise PeerMissingError("there is no nginx on this machine: apt-get install nginx")
    port = free_port()
    folder = stage.folder / "nginx"
    folder.mkdir()
    configuration = folder / "nginx.conf"
    address = urlsplit(upstream).netloc
    configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, upstream=address))
    command = (program, "-p", str(folder), "-c", str(configuration))
    process = start(stage.stack, stage.folder, "nginx", *command, port=port)
    pids = family(process.popen.pid, "edge")["edge"]
    pin(pids, MEASURED)
    return Target(Address("127.0.0.1", (port,)), {"edge": pids}, is_relay=True)


def version() -> str:
    """Return its version, empty when it is not installed."""
    program = _program()
    return version_of(program, "-v") if program else ""


def _program() -> str | None:
    return shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
