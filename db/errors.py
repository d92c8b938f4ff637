"""The errors of a database that does not answer, apart from db.session so that doors and rules can catch them."""


class DatabaseUnavailable(Exception):
    """The database did not answer, and nothing of this transaction was stored."""


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost at COMMIT, or its answer did not come in time: the transaction may be stored or not."""
