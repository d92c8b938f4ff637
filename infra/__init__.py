"""What every process needs of the world outside: settings, logs, Redis, tokens."""
