"""How spans are made and sent: imported only where there are traces, see `services.kit.tracing`.

A span tells what was called, by whom, how long it took and how it ended. What people
wrote, what models answered, keys, tokens and addresses that authorise by themselves stand in
none of them, and errors are told by their kind alone.
"""
