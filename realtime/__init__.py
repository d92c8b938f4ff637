"""The WebSocket door: a relay passes what Redis publishes to the sockets of the users connected to it."""
