"""Sealing, and ids derived from secrets."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keypool.identity import Identity
from services.keypool.key_secrets import KeySecrets
from services.kit.errors import StoreUnavailableError
from services.kit.vault import UnreadableError, Vault

VAULT = Vault("a key-encryption key for tests")
RAW = bytes(range(32))


def identity() -> Identity:
    ids = Identity()
    ids.load(VAULT.first_pepper())
    return ids


class TestVault:
    @given(text=st.text(max_size=200), owner=st.text(max_size=30))
    def test_what_is_sealed_can_be_unsealed(self, text: str, owner: str) -> None:
        assert VAULT.unseal(VAULT.seal(text, owner), owner) == text

    def test_sealing_twice_looks_different(self) -> None:
        assert VAULT.seal("secret", "k1") != VAULT.seal("secret", "k1")

    @pytest.mark.parametrize("position", [0, 8, 9, 15, 25, -1])
    def test_a_changed_byte_is_noticed(self, position: int) -> None:
        sealed = bytearray(VAULT.seal("a secret", "k1"))
        sealed[position] ^= 1

        with pytest.raises(UnreadableError):
            VAULT.unseal(bytes(sealed), "k1")

    @given(sealed=st.binary(max_size=60))
    def test_any_other_bytes_are_unreadable(self, sealed: bytes) -> None:
        for candidate in (sealed, VAULT.mark + sealed):
            with pytest.raises(UnreadableError):
                VAULT.unseal(candidate, "k1")

    def test_a_secret_cannot_be_moved_to_another_owner(self) -> None:
        with pytest.raises(UnreadableError):
            VAULT.unseal(VAULT.seal("secret", "k1"), "k2")

    def test_another_key_cannot_unseal(self) -> None:
        other = Vault("another key-encryption key")

        assert other.mark != VAULT.mark
        with pytest.raises(UnreadableError):
            other.unseal(VAULT.seal("secret", "k1"), "k1")

    @pytest.mark.parametrize(
        "form",
        [
            base64.b64encode(RAW).decode(),
            base64.urlsafe_b64encode(RAW).decode(),
            base64.b64encode(RAW).decode().rstrip("="),
        ],
    )
    def test_every_form_of_the_same_32_bytes_is_the_same_key(self, form: str) -> None:
        sealed = Vault(base64.b64encode(RAW).decode()).seal("secret", "k1")

        assert Vault(form).unseal(sealed, "k1") == "secret"

    def test_peppers_differ_by_key_and_last(self) -> None:
        again = Vault("a key-encryption key for tests")

        assert VAULT.first_pepper() == again.first_pepper()
        assert VAULT.first_pepper() != Vault("another key-encryption key").first_pepper()


class TestKeySecrets:
    def test_a_secret_sealed_anew_is_read_anew(self) -> None:
        secrets = KeySecrets(VAULT)
        old, new = secrets.seal("k1", "old", ""), secrets.seal("k1", "new", "http://p:1")

        assert secrets.open_own("k1", *old) == ("old", "")
        assert secrets.open_own("k1", *new) == ("new", "http://p:1")

    def test_a_proxy_cannot_pass_for_a_secret(self) -> None:
        secrets = KeySecrets(VAULT)
        _, proxy = secrets.seal("k1", "secret", "http://p:1")

        with pytest.raises(UnreadableError):
            secrets.open_own("k1", proxy, b"")


class TestIdentity:
    def test_before_the_pepper_is_known_nothing_can_be_derived(self) -> None:
        with pytest.raises(StoreUnavailableError):
            Identity().key_id("AIzaSyTest")

    def test_ids_are_stable_and_differ_by_kind(self) -> None:
        first, second = identity(), identity()

        assert first.key_id("AIzaSyTest-0123456789") == second.key_id("AIzaSyTest-0123456789")
        assert first.key_id("same")[1:] != first.token_id("same")[1:]
        assert first.key_id("a") != first.key_id("b")

    @pytest.mark.parametrize(
        ("secret", "end"), [("AIzaSyTest-0123456789", "6789"), ("short-secret", "…")]
    )
    def test_an_alias_shows_the_end_of_long_secrets_only(self, secret: str, end: str) -> None:
        alias = identity().key_alias(secret)

        assert alias.startswith("k-")
        assert alias.endswith(end)

    def test_a_lease_id_says_what_it_is_about(self) -> None:
        lease_id = identity().seal_lease("17/eu/gemini-2.5-pro/p1/k1/c-1/1.1.0.2")

        name = identity().open_lease(lease_id)

        assert name is not None
        assert (name.pool, name.model, name.project_id) == ("eu", "gemini-2.5-pro", "p1")
        assert (name.key_id, name.client_id) == ("k1", "c-1")
        assert name.raw == "17/eu/gemini-2.5-pro/p1/k1/c-1/1.1.0.2"

    @given(text=st.text(max_size=80))
    def test_no_made_up_lease_id_is_ours(self, text: str) -> None:
        assert identity().open_lease(text) is None

    def test_another_pepper_does_not_know_our_leases(self) -> None:
        other = Identity()
        other.load(os.urandom(32))

        assert other.open_lease(identity().seal_lease("17/p/m/p1/k1/c/1.1.0.2")) is None
