"""What may lie beside the repository: recordings of the real service, and the reference."""

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "recordings"

RECORDINGS = Path(os.environ.get("GB_RECORDINGS") or _BESIDE)
"""Replies of the real service; absent in most clones."""

API_REFERENCE = RECORDINGS.parent / "api-quick-reference.md"
"""The specification of the public API; absent in most clones."""
