"""Executions: started, found, shown, called back, cancelled; their history and open waits."""
