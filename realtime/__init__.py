"""WebSocket: relays what Redis publishes to the sockets of the users connected here."""
