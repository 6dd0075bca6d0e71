"""Everything that Google ties to a project: whose it is, and where calls about it must go."""
