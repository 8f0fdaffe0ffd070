"""Expressions: text, compiled once, to a value."""
