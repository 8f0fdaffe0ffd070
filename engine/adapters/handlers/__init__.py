"""How actions reach the world: HTTP, OpenAPI documents, Python functions."""
