"""Google's upload protocol as clients speak it: commands, addresses, bodies, answers."""
