"""What an upload is, told from its bytes alone: examined, cleaned and shrunk in processes of their own.

Nothing here trusts a name or a header of the client. What a hostile file does to a decoder ends with that process,
which has no secrets, little memory and little time. What runs in it is `infra/decoders/`.
"""

from infra.decoders.found import INLINE, NotThisKind, TooLong
from infra.media.confined import Unavailable
from infra.media.examining import Examined, examine, thumbnail

__all__ = ["INLINE", "Examined", "NotThisKind", "TooLong", "Unavailable", "examine", "thumbnail"]
