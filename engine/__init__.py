"""The engine: pure core, dialects and expressions; runtime and adapters around them."""
