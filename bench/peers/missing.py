"""What is said of a peer that cannot be measured here."""


class PeerMissingError(Exception):
    """A peer cannot be had on this machine; the text says why."""
