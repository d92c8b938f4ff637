"""Field types of requests, stricter than marshmallow's: no `"1"` and no `true` for 1, no number from 2^53 up."""

import re
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Range, Validator

from infra.ids import MAX_ID
from messaging.errors import Code, Refused

__all__ = ["MAX_ID", "Flag", "Id", "Int", "Object", "Seconds"]


class Int(fields.Integer):
    """A JSON integer from `minimum` to `maximum`, both included."""

    def __init__(self, *, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=Range(minimum, maximum), **kwargs)

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Id(Int):
    """The id of a row: 1 … 2^53-1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(minimum=1, maximum=MAX_ID, **kwargs)


class Flag(fields.Boolean):
    """A JSON boolean, and nothing else that is true or false, such as 1 or `"true"`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not a boolean.")
        return value


class Matches(Validator):
    """A validator: the whole text must match, where `$` alone would let a newline pass at the end.

    The API description shows `pattern`, so it must be valid ECMAScript too: `^…$`, without Python's own syntax.
    """

    def __init__(self, pattern: str, error: str) -> None:
        self.regex = re.compile(pattern)
        self._error = error

    def __call__(self, value: str) -> str:
        if not self.regex.fullmatch(value):
            raise ValidationError(self._error)
        return value


class AtMost(Validator):
    """A validator: a text of more than `most` characters is refused with a code of its own instead of INVALID.

    The API description does not show it by itself: the field's metadata names its `maxLength`.
    """

    def __init__(self, most: int, code: Code) -> None:
        self._most = most
        self._code = code

    def __call__(self, value: str) -> str:
        if len(value) > self._most:
            raise Refused(self._code, f"more than {self._most} characters")
        return value


class Object(fields.Field[dict[str, Any]]):
    """A JSON object of any content."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Not an object.")
        return value


class Seconds(fields.Field[float]):
    """A JSON number of seconds, which need not be whole."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_ID:
            raise ValidationError("Not a number of seconds.")
        return value
