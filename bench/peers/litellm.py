"""LiteLLM's proxy from PyPI: one worker, two deployments of the model, no database."""

import json
import os

from bench.cores import MEASURED, pin
from bench.load.connection import Address
from bench.peers.environments import python_environment
from bench.processes import family
from bench.stage import Stage
from bench.starting import start
from bench.target import Target
from bench.upstream.answers import MODEL
from tests.support.ports import free_port

VERSION = "1.106.2"
_TOKEN = "sk-bench"


def start_litellm(stage: Stage, upstream: str) -> Target:
    """Start it.

    Raises:
        PeerMissingError: It cannot be installed.
    """
    programs = python_environment("litellm", f"litellm[proxy]=={VERSION}")
    port = free_port()
    configuration = stage.folder / "litellm.yaml"
    deployments = [
        {
            "model_name": MODEL,
            "litellm_params": {
                "model": f"gemini/{MODEL}",
                "api_key": f"AIzaBench{number}",
                "api_base": f"{upstream}/v1beta",
            },
        }
        for number in range(2)
    ]
    # JSON is YAML, too.
    general = {"master_key": _TOKEN}
    content = {"model_list": deployments, "general_settings": general}
    configuration.write_text(json.dumps(content))
    command = (str(programs / "litellm"), "--config", str(configuration), "--port", str(port))
    process = start(
        stage.stack,
        stage.folder,
        "litellm",
        *command,
        *("--host", "127.0.0.1", "--num_workers", "1"),
        port=port,
        LITELLM_LOG="ERROR",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_TELEMETRY="False",
        NO_PROXY="127.0.0.1",
        PATH=f"{programs}:{os.environ['PATH']}",
    )
    pids = family(process.popen.pid, "edge")["edge"]
    pin(pids, MEASURED)
    headers = (("authorization", f"Bearer {_TOKEN}"),)
    address = Address("127.0.0.1", (port,))
    return Target(address, {"edge": pids}, {"openai": "", "gemini": ""}, headers, is_peer=True)
