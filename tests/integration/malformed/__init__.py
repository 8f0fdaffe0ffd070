"""Generators of malformed inputs, by class."""
