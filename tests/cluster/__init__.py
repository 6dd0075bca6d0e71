"""A real Kubernetes of one node on this machine, and the demo on it."""
