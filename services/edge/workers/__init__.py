"""Several edges on one port: workers that share the connections, and a foreman that keeps them."""
