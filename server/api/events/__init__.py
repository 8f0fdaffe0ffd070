"""CloudEvents: published, read, explained, and what came of them."""
