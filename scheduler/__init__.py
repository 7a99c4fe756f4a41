"""Clock -> operations: passes over projects and the timers that start them."""
