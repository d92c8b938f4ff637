"""How tasks come out of Redis: what is none is dropped there, and the worker goes on."""

from kombu.transport import redis

from infra import logs

log = logs.get(__name__)


class Transport(redis.Transport):
    """kombu's own, which lets a worker end at the first text in a queue that is not a message of its own making."""

    def on_readable(self, fileno: int) -> None:  # type: ignore[override] # the stubs are wrong
        """Take what has come. It is off the queue already, and tasks are hints: the sweep stands in for them."""
        try:
            super().on_readable(fileno)
        except (ValueError, TypeError, LookupError, AttributeError):
            log.exception("no_message")
