"""The schemas of users, logins and friendships on the wire: the body of each call and its answer."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf

from messaging.fields import Flag, Id, Int, Matches
from messaging.shown import require_address, require_name


class Username(fields.String):
    """A field for 3 to 32 of a-z, 0-9, dot, underscore and hyphen; capitals become small letters."""

    def __init__(self, **kwargs: Any) -> None:
        error = "Must be 3 to 32 letters, digits, dots, underscores or hyphens."
        metadata = {"minLength": 3, "maxLength": 32} | kwargs.pop("metadata", {})
        super().__init__(validate=Matches("^[A-Za-z0-9_.-]{3,32}$", error), metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        return text.encode().lower().decode()  # lowers ASCII only: the Kelvin sign does not become a k


def nickname(**metadata: Any) -> fields.String:
    """Returns a field for a nickname of 1 to 64 characters, with this metadata for the API description."""
    return fields.String(validate=[Length(1, 64), require_name], metadata=metadata)


class Paged(Schema):
    """The page of a list to read, counted from 1."""

    page = Int(minimum=1, maximum=1_000_000, load_default=1)
    limit = Int(minimum=1, maximum=50, load_default=20)


class User(Schema):
    """The contract's User. A closed account has an empty username."""

    id = fields.Integer(metadata={"example": 2})
    username = fields.String()
    nickname = fields.String()
    avatar = fields.String()


class Registration(Schema):
    """The body of a call that makes an account."""

    username = Username(required=True, metadata={"example": "carol", "description": "Capitals become small letters."})
    password = fields.String(required=True, validate=Length(8, 128))
    nickname = nickname(example="Carol", description="The user name if absent.")


class Credentials(Schema):
    """The body of a call that signs in."""

    username = Username(required=True)
    password = fields.String(required=True, validate=Length(1, 128))


class PasswordChange(Schema):
    """The old password as proof, and the new one."""

    old_password = fields.String(required=True, validate=Length(1, 128))
    new_password = fields.String(required=True, validate=Length(8, 128))


class Logout(Schema):
    """The body of a call that ends the login, or with `everywhere` all logins of the user."""

    everywhere = Flag(load_default=False)


class AccountClosing(Schema):
    """The password as proof for closing the account."""

    password = fields.String(required=True, validate=Length(1, 128))


class TokenPair(Schema):
    """An access token, and the refresh token that earns the next pair."""

    access_token = fields.String()
    refresh_token = fields.String(metadata={"description": "Good once."})
    expires_in = fields.Integer(metadata={"description": "Seconds that the access token lives."})


class SignedIn(TokenPair):
    """The tokens of a new login, and its user."""

    user = fields.Nested(User)


class UserAnswer(Schema):
    """An answer with one user."""

    user = fields.Nested(User)


class UserUpdate(Schema):
    """The fields of the user's own profile to change; absent ones stay."""

    nickname = nickname(example="Bobby")
    avatar = fields.String(validate=[Length(max=255), require_address])


class UserSearch(Paged):
    """The beginning of a username or nickname to search for."""

    keyword = fields.String(required=True, validate=Length(1, 64))


class UserPage(Schema):
    """A page of users; `total` counts all pages."""

    users = fields.List(fields.Nested(User))
    total = fields.Integer()


class UserNamed(Schema):
    """The user whom a call concerns."""

    user_id = Id(required=True)


class FriendRequested(Schema):
    """The user to ask for a friendship, and a message to them."""

    to_user_id = Id(required=True)
    message = fields.String(load_default="", validate=Length(max=255), metadata={"example": "It's me"})


class RequestId(Schema):
    """The id of a friend request."""

    request_id = fields.Integer()


class RequestHandled(Schema):
    """The answer to a friend request."""

    request_id = Id(required=True)
    action = fields.String(required=True, validate=OneOf(["accept", "reject"]))


class FriendRequest(Schema):
    """A friend request with the user who asks. `create_time` is in Unix seconds."""

    request_id = fields.Integer()
    user = fields.Nested(User)
    message = fields.String(metadata={"example": "It's me"})
    create_time = fields.Integer()


class RequestPage(Schema):
    """A page of friend requests; `total` counts all pages."""

    requests = fields.List(fields.Nested(FriendRequest))
    total = fields.Integer()


class FriendPage(Schema):
    """A page of friends; `total` counts all pages."""

    friends = fields.List(fields.Nested(User))
    total = fields.Integer()


class Nothing(Schema):
    """The empty object `{}`."""
