"""A folder with the `.env` of a gemini-balance installation starts as it is."""

import json
import secrets
from pathlib import Path

import httpx

from tests.support.ports import free_port
from tests.support.system import (
    COMMAND,
    clean_environment,
    running,
    running_simulator_process,
    wait_for_http,
)

ENV = """\
# Database configuration
DATABASE_TYPE=sqlite
SQLITE_DATABASE=default_db
# API-related configuration
API_KEYS=["{key}"]
VERTEX_API_KEYS=["{vertex}"]
VERTEX_EXPRESS_BASE_URL={upstream}/v1beta1/publishers/google
PAID_KEY={paid}
ALLOWED_TOKENS=["{token}"]
AUTH_TOKEN={auth}
TEST_MODEL=gemini-2.5-flash-lite
THINKING_MODELS=["gemini-2.5-flash"]
THINKING_BUDGET_MAP={{"gemini-2.5-flash": -1}}
IMAGE_MODELS=["gemini-2.0-flash-exp"]
SEARCH_MODELS=["gemini-2.0-flash-exp"]
FILTERED_MODELS=["gemini-1.0-pro-vision-latest"]
TOOLS_CODE_EXECUTION_ENABLED=false
SHOW_SEARCH_LINK=true
SHOW_THINKING_PROCESS=true
BASE_URL={upstream}/v1beta
MAX_FAILURES=10
MAX_RETRIES=3
CHECK_INTERVAL_HOURS=1
TIMEZONE=Asia/Shanghai
TIME_OUT=300
PROXIES=[]
STREAM_OPTIMIZER_ENABLED=false
LOG_LEVEL=info
SAFETY_SETTINGS=[{{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}}]
"""


def test_its_keys_tokens_and_upstream_are_used(tmp_path: Path) -> None:
    key, vertex, paid, token, auth = (
        f"{kind}{secrets.token_hex(16)}" for kind in ("AIza", "AQ.", "AIza", "sk-", "sk-auth-")
    )
    port, ops_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(COMMAND), "up", "--port", str(port), "--ops-port", str(ops_port)]
    keys = f"{key},{vertex},{paid}"
    listens = {name: f"127.0.0.1:{free_port()}" for name in ("KEYPOOL_LISTEN", "FILES_LISTEN")}
    with running_simulator_process(tmp_path, SIMULATOR_KEYS=keys) as upstream:
        (tmp_path / ".env").write_text(
            ENV.format(key=key, vertex=vertex, paid=paid, token=token, auth=auth, upstream=upstream)
        )
        with running(
            *command, log=tmp_path / "up.log", cwd=tmp_path, env=clean_environment(**listens)
        ) as process:
            wait_for_http(f"{url}/readyz", process)
            for credential in (token, auth):
                answer = httpx.post(
                    f"{url}/v1/chat/completions",
                    headers={"authorization": f"Bearer {credential}"},
                    json={
                        "model": "gemini-2.5-flash",
                        "messages": [{"role": "user", "content": "please repeat toffee"}],
                    },
                    timeout=30,
                )
                assert answer.status_code == 200, answer.text
                assert "toffee" in answer.json()["choices"][0]["message"]["content"]
            asked = httpx.post(
                f"{url}/openai/v1/chat/completions",
                headers={"authorization": f"Bearer {token}"},
                json={
                    "model": "gemini-2.0-flash-exp-search",
                    "messages": [{"role": "user", "content": "what is new?"}],
                },
                timeout=30,
            )
            assert asked.status_code == 200, asked.text
            [*_, sent] = httpx.get(f"{upstream}/_sim/requests").json()["requests"]
            assert sent["path"] == "/v1beta/models/gemini-2.0-flash-exp:generateContent"
            body = json.loads(sent["body"])
            assert body["tools"] == [{"googleSearch": {}}]
            assert body["safetySettings"][0]["threshold"] == "OFF"
            for root, model, used in (
                ("/vertex-express/v1beta", "gemini-2.5-flash", vertex),
                ("/v1beta", "gemini-2.5-flash-image", paid),
            ):
                answer = httpx.post(
                    f"{url}{root}/models/{model}:generateContent",
                    headers={"x-goog-api-key": token},
                    json={"contents": [{"role": "user", "parts": [{"text": "a red kite"}]}]},
                    timeout=30,
                )
                assert answer.status_code == 200, answer.text
                [*_, sent] = httpx.get(f"{upstream}/_sim/requests").json()["requests"]
                assert sent["key"] == used
            written = process.output()
    assert "DEMO" not in written
    assert "TIMEZONE" in written, "what has no effect is named"
    assert "unknown settings" not in written
    assert not any(secret in written for secret in (key, vertex, paid, token, auth))
