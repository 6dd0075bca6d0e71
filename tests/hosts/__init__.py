"""A cluster of hosts on one machine: what breaks there, and what clients notice of it."""
