"""What every request passes: the gate, its exchange, bodies, replies, problems."""
