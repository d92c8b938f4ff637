"""A drill: load of its own accounts while parts of a deployment are killed, stopped and emptied, and what it has shown."""
