"""One execution as a file, and a file as an execution."""
