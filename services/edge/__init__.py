"""The HTTP edge: authenticates, translates, leases a key, calls Google, streams the answer."""
