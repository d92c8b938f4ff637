"""The rules of messaging: plain functions of a Session, the time and keyword arguments."""
