"""A drill: load of its own accounts while a deployment is killed, stopped and emptied, and what that has shown."""
