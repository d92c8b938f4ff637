"""What comes of a database that does not answer: what doors and rules need to know of transactions."""


class DatabaseUnavailable(Exception):
    """The database did not answer; nothing of this transaction was stored."""


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost at COMMIT: the transaction may be stored or not."""
