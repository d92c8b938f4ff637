"""The largest id that any door accepts."""

MAX_ID = 2**53 - 1  # JavaScript's largest safe integer: a browser must be able to hold it
