"""What an upload is, told from its bytes alone: examined, cleaned and shrunk in processes of their own (`confined.py`).

Nothing here trusts a name or a header of the client. What a hostile file does to a decoder ends with that process, which
has little memory, time and nothing to write to but one file without a name.
"""

from infra.media.confined import examine, thumbnail
from infra.media.examined import INLINE, Examined, NotThisKind, TooLong, Unavailable

__all__ = ["INLINE", "Examined", "NotThisKind", "TooLong", "Unavailable", "examine", "thumbnail"]
