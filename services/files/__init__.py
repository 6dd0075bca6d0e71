"""Resumable uploads, files and their bindings."""
