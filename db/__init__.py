"""The tables, a file each, and the one way to run a transaction."""
