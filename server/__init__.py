"""The server, its command line and its one composition root."""
