"""The clients of a bench: cheap enough to share a core with the upstream, and they check bodies."""
