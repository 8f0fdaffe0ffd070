"""The command `refold`: talks to a server over HTTP, or is one."""
