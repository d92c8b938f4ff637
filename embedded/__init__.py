"""The embedded service, `make run`: the whole system on one machine, with SQLite and a Valkey of its own."""
