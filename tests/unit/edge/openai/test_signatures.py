"""Signatures inside ids: letter for letter, or not at all."""

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.edge.openai.signatures import sign_call_id, split_call_id


@settings(deadline=None)
@given(st.text(max_size=20), st.binary(min_size=1, max_size=200))
def test_a_signature_comes_back_from_any_id(call_id: str, raw: bytes) -> None:
    signature = base64.b64encode(raw).decode()

    signed = sign_call_id(call_id, signature)

    assert split_call_id(signed) == (call_id, signature)
    assert re.fullmatch(r"[A-Za-z0-9_\-]*", signed.removeprefix(call_id))


@pytest.mark.parametrize("signature", [None, "", "AB_-", "AAA", "no base64"])
def test_what_would_not_come_back_is_left_out(signature: str | None) -> None:
    assert sign_call_id("c1", signature) == "c1"


@pytest.mark.parametrize("call_id", ["", "c1", "call_1__sig__", "a__sig__b c"])
def test_ids_without_signature_stay_as_they_are(call_id: str) -> None:
    assert split_call_id(call_id) == (call_id, None)
