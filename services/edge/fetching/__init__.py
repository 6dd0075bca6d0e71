"""Fetching what a request names by a web address, without becoming a way into our network."""
