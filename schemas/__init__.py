"""What outlives a running program, and no logic: log events, SQL migrations, document models."""
