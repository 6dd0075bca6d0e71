"""Thin shared plumbing without any domain: settings, logs, gRPC, Redis, ops."""
