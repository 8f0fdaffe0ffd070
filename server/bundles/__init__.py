"""Bundles: one execution in one file, readable and provable without a server (docs/bundles.md)."""
