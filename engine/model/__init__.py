"""The nouns of the engine: values without behaviour of their own, shared by every room."""
