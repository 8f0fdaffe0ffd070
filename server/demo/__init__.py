"""`make demo`: the whole story in under two minutes, on services of its own."""
