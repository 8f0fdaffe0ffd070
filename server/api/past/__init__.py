"""What was: the state at any point, differences, blame, replay, comparison."""
