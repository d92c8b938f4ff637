"""Groups: who is in them, what each role may do, and the system messages that every change of theirs leaves."""
