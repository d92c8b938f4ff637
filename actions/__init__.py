"""What doors and workers do with the rules: it opens transactions, has tasks run, and asks other services."""
