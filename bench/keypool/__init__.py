"""The store of the key pool by itself: filled pools in a Valkey of the bench's own."""
