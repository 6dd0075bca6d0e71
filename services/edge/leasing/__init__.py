"""How the edge comes by leases and accounts for them: stock, settlements, grace."""
