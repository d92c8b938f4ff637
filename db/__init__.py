"""The tables, one file each, and the one way to run a transaction."""
