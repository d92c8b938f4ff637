"""The largest id that any door accepts."""

MAX_ID = 2**53 - 1  # the largest integer that JavaScript holds exactly
