#!/usr/bin/env python3
"""Makes the secrets of a new installation: one folder for each service, one file for each setting.

    deploy/new_secrets.py secrets
    $EDITOR secrets/keypool/API_KEYS          # then ALLOWED_TOKENS; what stays empty is not set
    kubectl apply -k secrets                  # or: docker compose up

Keep the folder: without ENCRYPTION_KEY nobody can read the keys in the store. It never overwrites.
"""

import argparse
import hashlib
import json
import secrets
import sys
from pathlib import Path

_EMPTY = (
    *("ALLOWED_TOKENS", "API_KEYS", "OLD_ENCRYPTION_KEYS", "PAID_KEY", "PROXIES"),
    "VERTEX_API_KEYS",
)

# No command but those on data, and no data but ours; a probe may ask whether the store is there.
_ACL = """\
user default off
user probe on nopass resetkeys resetchannels -@all +ping
user gemini-balance on #{digest} resetkeys ~gb:* resetchannels -@all \
+@connection +@read +@write +@scripting +@transaction +time -@dangerous
"""

_KUSTOMIZATION = """\
# Written by deploy/new_secrets.py. `kubectl apply -k .` puts the files beside it into the cluster.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
generatorOptions:
  disableNameSuffixHash: true
secretGenerator:
"""


def new_secrets(redis_host: str) -> dict[str, dict[str, str]]:
    """Return the files of each service, by their names."""
    edge, files, cli, password = (secrets.token_urlsafe(32) for _ in range(4))
    redis_url = f"redis://gemini-balance:{password}@{redis_host}:6379/0"
    return {
        "edge": {"SERVICE_CREDENTIAL": edge},
        "keypool": {
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEY": secrets.token_urlsafe(32),
            "SERVICE_CREDENTIALS": _credentials(
                ("edge", edge, "lease", "act-as"),
                ("files", files, "lease", "act-as"),
                ("cli", cli, "admin", "lease"),
            ),
            "CLI_CREDENTIAL": cli,
            "AUTH_TOKEN": f"sk-{secrets.token_urlsafe(24)}",
            **dict.fromkeys(_EMPTY, ""),
        },
        "files": {
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEY": secrets.token_urlsafe(32),
            "SERVICE_CREDENTIALS": _credentials(("edge", edge, "files", "act-as")),
            "SERVICE_CREDENTIAL": files,
        },
        "valkey": {"users.acl": _ACL.format(digest=hashlib.sha256(password.encode()).hexdigest())},
    }


def write(folder: Path, services: dict[str, dict[str, str]], *, namespace: str) -> None:
    """Write the files below a folder that nobody else may enter.

    Raises:
        OSError: It exists already, or cannot be made.
    """
    folder.mkdir(mode=0o700)
    text = _KUSTOMIZATION.format(namespace=namespace)
    for service, files in services.items():
        (folder / service).mkdir()
        text += f"  - name: {service}-secrets\n    files:\n"
        for name, content in files.items():
            path = folder / service / name
            path.write_text(content, "utf-8")
            # A container with another user reads them; the folder above keeps everybody else out.
            path.chmod(0o644)
            text += f"      - {service}/{name}\n"
    (folder / "kustomization.yaml").write_text(text, "utf-8")
    (folder / ".gitignore").write_text("*\n", "utf-8")


def _credentials(*rows: tuple[str, ...]) -> str:
    return json.dumps(
        [{"name": name, "secret": secret, "scopes": scopes} for name, secret, *scopes in rows]
    )


def main() -> int:
    """Write the folder that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--namespace", default="gemini-balance", help="of the cluster")
    parser.add_argument("--redis-host", default="valkey", help="when it is not the Valkey in here")
    given = parser.parse_args()
    try:
        write(given.folder, new_secrets(given.redis_host), namespace=given.namespace)
    except OSError as error:
        sys.stderr.write(f"{given.folder}: {error.strerror}\n")
        return 1
    print(f"Now put your keys into {given.folder}/keypool/API_KEYS and keep the folder safe.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
