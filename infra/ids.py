"""What an id may be, wherever it comes from."""

MAX_ID = 2**53 - 1  # a browser must be able to hold it
