"""A program and the processes that it has forked."""

import psutil

from tests.processes import Process


def family(process: Process) -> list[psutil.Process]:
    """Returns a program's process and all its descendants."""
    program = psutil.Process(process.pid)
    return [program, *program.children(recursive=True)]
