"""The schemas of uploads on the wire."""

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf

from messaging.message_type import MessageType

_KINDS = [kind.name.lower() for kind in (MessageType.IMAGE, MessageType.VOICE, MessageType.VIDEO, MessageType.FILE)]
_PIXELS = {"description": "Pixels as shown, null when unknown."}
_ADDRESS = {"description": "A path of this service. Whoever has it may read for `expires_in` seconds."}


class Media(Schema):
    """An upload, as whoever may read it sees it."""

    media_id = fields.String()
    kind = fields.String(validate=OneOf(_KINDS))
    size = fields.Integer(metadata={"description": "Bytes, of what is stored."})
    content_type = fields.String(metadata={"description": "Told from the bytes."})
    sha256 = fields.String(metadata={"description": "Of what is stored, in hexadecimal."})
    width = fields.Integer(allow_none=True, metadata=_PIXELS)
    height = fields.Integer(allow_none=True, metadata=_PIXELS)
    duration = fields.Float(allow_none=True, metadata={"description": "Seconds, null when unknown."})
    url = fields.String(metadata=_ADDRESS)
    thumbnail_url = fields.String(
        allow_none=True, metadata={"description": "A path as well; null as long as there is no thumbnail."}
    )
    expires_in = fields.Integer()


class Described(Schema):
    """The answer that describes an upload."""

    media = fields.Nested(Media)


class MediaNamed(Schema):
    """The body of a call about an upload."""

    media_id = fields.String(required=True, validate=Length(1, 64))
