"""What every process shares: settings, logs, metrics, tokens, and the ways to Redis and to other services."""
