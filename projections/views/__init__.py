"""Pure views: an event of the log to changes of rows."""
