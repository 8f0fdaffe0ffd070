"""Read models: rows kept by tailing the log, always rebuildable from it."""
