"""Memory that processes share after a fork, and that the garbage collector leaves alone."""

import gc


def settle() -> None:
    """Keep the garbage collector off all that lives now. Call it before a fork, and at the end of a start.

    The collector writes into each object that it looks at, which would give every child a copy of its own of the
    parent's memory; and looking at all that was loaded at the start stops a process for many milliseconds each time.
    """
    gc.collect()
    gc.freeze()
