"""Questions about the past, answered from events: what a value was, who wrote it, what changed."""
