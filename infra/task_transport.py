"""How tasks come out of Redis: a text that is no task is dropped, and the worker goes on."""

from kombu.transport import redis

from infra import logs

log = logs.get(__name__)


class Transport(redis.Transport):
    """kombu's transport, which alone would end the worker at the first text in a queue that is not a kombu message."""

    def on_readable(self, fileno: int) -> None:  # type: ignore[override] # the stubs are wrong
        """Take a task, or drop a text that is none: it is off the queue, and the sweep makes up for a lost task."""
        try:
            super().on_readable(fileno)
        except (ValueError, TypeError, LookupError, AttributeError):
            log.exception("no_message")
