"""The shapes of users, logins and friendships on the wire: what a call takes and what it answers."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf

from messaging.fields import Flag, Id, Int, Matches
from messaging.shown import require_address, require_name


class Username(fields.String):
    """3 to 32 of a-z, 0-9, dot, underscore and hyphen; capitals are taken for small letters."""

    def __init__(self, **kwargs: Any) -> None:
        error = "Must be 3 to 32 letters, digits, dots, underscores or hyphens."
        metadata = {"minLength": 3, "maxLength": 32} | kwargs.pop("metadata", {})
        super().__init__(validate=Matches("^[A-Za-z0-9_.-]{3,32}$", error), metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        return text.encode().lower().decode()  # ASCII alone: the Kelvin sign is no k


def nickname(**metadata: Any) -> fields.String:
    return fields.String(validate=[Length(1, 64), require_name], metadata=metadata)


class Paged(Schema):
    page = Int(minimum=1, maximum=1_000_000, load_default=1)
    limit = Int(minimum=1, maximum=50, load_default=20)


class User(Schema):
    id = fields.Integer(metadata={"example": 2})
    username = fields.String()
    nickname = fields.String()
    avatar = fields.String()


class Registration(Schema):
    username = Username(required=True, metadata={"example": "carol", "description": "Capitals become small letters."})
    password = fields.String(required=True, validate=Length(8, 128))
    nickname = nickname(example="Carol", description="The user name if absent.")


class Credentials(Schema):
    username = Username(required=True)
    password = fields.String(required=True, validate=Length(1, 128))


class PasswordChange(Schema):
    old_password = fields.String(required=True, validate=Length(1, 128))
    new_password = fields.String(required=True, validate=Length(8, 128))


class Logout(Schema):
    everywhere = Flag(load_default=False)


class AccountClosing(Schema):
    password = fields.String(required=True, validate=Length(1, 128))


class TokenPair(Schema):
    access_token = fields.String()
    refresh_token = fields.String(metadata={"description": "Good once."})
    expires_in = fields.Integer(metadata={"description": "Seconds that the access token lives."})


class SignedIn(TokenPair):
    user = fields.Nested(User)


class UserAnswer(Schema):
    user = fields.Nested(User)


class UserUpdate(Schema):
    nickname = nickname(example="Bobby")
    avatar = fields.String(validate=[Length(max=255), require_address])


class UserSearch(Paged):
    keyword = fields.String(required=True, validate=Length(1, 64))


class UserPage(Schema):
    users = fields.List(fields.Nested(User))
    total = fields.Integer()


class UserNamed(Schema):
    user_id = Id(required=True)


class FriendRequested(Schema):
    to_user_id = Id(required=True)
    message = fields.String(load_default="", validate=Length(max=255), metadata={"example": "It's me"})


class RequestId(Schema):
    request_id = fields.Integer()


class RequestHandled(Schema):
    request_id = Id(required=True)
    action = fields.String(required=True, validate=OneOf(["accept", "reject"]))


class FriendRequest(Schema):
    request_id = fields.Integer()
    user = fields.Nested(User)
    message = fields.String(metadata={"example": "It's me"})
    create_time = fields.Integer()


class RequestPage(Schema):
    requests = fields.List(fields.Nested(FriendRequest))
    total = fields.Integer()


class FriendPage(Schema):
    friends = fields.List(fields.Nested(User))
    total = fields.Integer()


class Nothing(Schema):
    """`{}`"""
