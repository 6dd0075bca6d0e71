"""The key pool: keys, projects, leases, outcomes, client tokens and bindings, over Redis."""
