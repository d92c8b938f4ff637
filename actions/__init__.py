"""Actions: what doors and workers call. They run rules in transactions, send tasks and ask other services."""
