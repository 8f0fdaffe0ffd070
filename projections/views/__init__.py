"""Pure views: an event of the log to the row changes it causes."""
