"""Notes, which publishers (workers, rpc, web, relays) send to relays through Redis: a class for each kind.

A note is published as a header of JSON and then its frames, one a line. A relay parses the header and passes the frames
on to sockets unchanged. The header names the kind, and in `v` the version of that kind's form:

- Within a version a header may gain fields. A relay ignores the fields that it does not know.
- A change that an older relay would not understand needs a new version of the kind, or a new kind.
- A note of a newer version, of an unknown kind, or with a missing or ill-typed field is a BadNote. A relay drops it
  alone, counts it, and logs nothing of its content.
- When a kind gets a new version, the version before is still read for one release.

Each class has `lines`, which returns the header and the frames to publish, and `read`, which makes the note of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import orjson

from infra.trace import Traced

Header = dict[str, Any]
Frames = Sequence[bytes]  # JSON texts, ready for a socket
Run = tuple[str, int, int, bool]  # conversation id, after, upto, whether no older messages were left out
Place = tuple[str, int]  # conversation id, seq
Proof = tuple[int, str, int, int]  # user id, conversation id, after, upto

_ASSUMED_VERSION = 1  # of notes without `v`, which older releases publish


class BadNote(ValueError):
    """The bytes are no note that this release can read. The exception's text quotes nothing of them."""


@dataclass(frozen=True, slots=True)
class _OfMessage:
    """A new message for a user's connections. A relay orders it and proves its delivery by the header.

    `traced` is for the log (infra/trace.py), and not there when the message's way is not told.
    """

    KIND: ClassVar[str]

    conversation_id: str
    seq: int
    from_user_id: int
    frame: bytes
    traced: Traced | None = field(default=None, kw_only=True)

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        return orjson.dumps(self._header()), self.frame

    @classmethod
    def read(cls, header: Header, frames: Frames) -> Self:
        """Returns the message. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        return cls(*cls._place(header), frame, traced=_traced(header))

    def _header(self) -> Header:
        return {
            "kind": self.KIND,
            "v": 1,
            "conversation_id": self.conversation_id,
            "seq": self.seq,
            "from_user_id": self.from_user_id,
        } | _of_traced(self.traced)

    @staticmethod
    def _place(header: Header) -> tuple[str, int, int]:
        conversation_id, seq, from_user_id = header["conversation_id"], header["seq"], header["from_user_id"]
        if not (type(conversation_id) is str and type(seq) is int and type(from_user_id) is int):
            raise TypeError
        return conversation_id, seq, from_user_id


@dataclass(frozen=True, slots=True)
class Message(_OfMessage):
    """A message that a worker publishes, in the order of seq."""

    KIND = "message"


@dataclass(frozen=True, slots=True)
class FastMessage(_OfMessage):
    """A message from the process that has just stored it, ahead of its `Message`: lost, late or out of order at times.

    A kind of its own, because a relay of a release before would take what comes out of order for a loss. `at` is when
    it was committed, in Unix seconds; a release before does not say.
    """

    KIND = "fast_message"

    at: float | None = None

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        return orjson.dumps(self._header() | {"at": self.at}), self.frame

    @classmethod
    def read(cls, header: Header, frames: Frames) -> Self:
        """Returns the message. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        return cls(*cls._place(header), frame, _at(header), traced=_traced(header))


@dataclass(frozen=True, slots=True)
class Frame:
    """Any other frame for a user's connections, except the connection `origin`, which caused it."""

    frame: bytes
    origin: str | None = None

    def lines(self) -> Frames:
        """Returns the header and the frame itself."""
        return orjson.dumps({"kind": "frame", "v": 1, "origin": self.origin}), self.frame

    @staticmethod
    def read(header: Header, frames: Frames) -> "Frame":
        """Returns the frame. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        origin = header["origin"]
        if not (origin is None or type(origin) is str):
            raise TypeError
        return Frame(frame, origin)


@dataclass(frozen=True, slots=True)
class Typing:
    """A typing frame for a user's connections: it is dropped rather than held, as it is soon out of date."""

    frame: bytes

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        return orjson.dumps({"kind": "typing", "v": 1}), self.frame

    @staticmethod
    def read(_header: Header, frames: Frames) -> "Typing":
        """Returns the typing note. Raises ValueError unless there is exactly one frame."""
        (frame,) = frames
        return Typing(frame)


@dataclass(frozen=True, slots=True)
class Quoting:
    """The frame of a reply for those members who see the message `seq`, which it quotes, and are not among the `blind`.

    The note's own frame, for all others, quotes nothing. A relay of a release before knows that one alone.
    """

    frame: bytes
    seq: int
    blind: frozenset[int] = frozenset()

    def header(self) -> Header:
        """Returns the value of a header's field."""
        return {"frame": self.frame.decode(), "seq": self.seq, "blind": sorted(self.blind)}

    @staticmethod
    def read(raw: Header) -> "Quoting":
        """Returns the value of a header's field. Raises KeyError or TypeError if it does not fit."""
        frame, seq = _typed(raw, frame=str, seq=int)
        return Quoting(frame.encode(), seq, frozenset(_flat(raw["blind"], int)))


def _header(kind: str, quoting: Quoting | None, *, traced: Traced | None = None, **fields: Any) -> bytes:
    """Returns the header of a note that may quote, and may be traced. One that does neither is the shorter for it."""
    quoted = {"quoting": quoting.header()} if quoting else {}
    return orjson.dumps({"kind": kind, "v": 1} | fields | quoted | _of_traced(traced))


def _of_traced(traced: Traced | None) -> Header:
    return {"traced": [*traced]} if traced else {}


def _traced(header: Header) -> Traced | None:
    raw = header.get("traced")
    if raw is None:
        return None
    message_id, parent = raw
    if type(message_id) is not int or not (parent is None or type(parent) is str):
        raise TypeError
    return Traced(message_id, parent)


def _at(header: Header) -> float | None:
    """Returns when a message was committed, in Unix seconds; None when the publisher does not say."""
    at = header.get("at")
    if not (at is None or type(at) is float):
        raise TypeError
    return at


def _quoting(header: Header) -> Quoting | None:
    raw = header.get("quoting")
    return None if raw is None else Quoting.read(raw)


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """A group's message that a worker publishes on the group's channel, in the order of seq.

    `membership` says that members came or went with it. `went` are those who see nothing after it.
    """

    conversation_id: str
    seq: int
    from_user_id: int
    frame: bytes
    membership: bool = False
    went: tuple[int, ...] = ()
    quoting: Quoting | None = None
    traced: Traced | None = None

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        header = _header(
            "group_message",
            self.quoting,
            conversation_id=self.conversation_id,
            seq=self.seq,
            from_user_id=self.from_user_id,
            membership=self.membership,
            went=self.went,
            traced=self.traced,
        )
        return header, self.frame

    @staticmethod
    def read(header: Header, frames: Frames) -> "GroupMessage":
        """Returns the message. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        conversation_id, seq, from_user_id = _typed(header, conversation_id=str, seq=int, from_user_id=int)
        (membership,) = _typed(header, membership=bool)
        went = _flat(header["went"], int)
        quoting, traced = _quoting(header), _traced(header)
        return GroupMessage(conversation_id, seq, from_user_id, frame, membership, went, quoting, traced)


@dataclass(frozen=True, slots=True)
class FastGroupMessage:
    """A group's message from the process that has just stored it, ahead of its `GroupMessage`.

    It is for the members as of `members_seq`, the last message that said who came or went: a relay that has not passed
    that message on yet drops the note, because it does not know who they are. `at` as in FastMessage.
    """

    conversation_id: str
    seq: int
    from_user_id: int
    members_seq: int
    frame: bytes
    quoting: Quoting | None = None
    at: float | None = None
    traced: Traced | None = None

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        header = _header(
            "fast_group_message",
            self.quoting,
            conversation_id=self.conversation_id,
            seq=self.seq,
            from_user_id=self.from_user_id,
            members_seq=self.members_seq,
            at=self.at,
            traced=self.traced,
        )
        return header, self.frame

    @staticmethod
    def read(header: Header, frames: Frames) -> "FastGroupMessage":
        """Returns the message. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        conversation_id, seq, from_user_id, members_seq = _typed(
            header, conversation_id=str, seq=int, from_user_id=int, members_seq=int
        )
        quoting, at, traced = _quoting(header), _at(header), _traced(header)
        return FastGroupMessage(conversation_id, seq, from_user_id, members_seq, frame, quoting, at, traced)


@dataclass(frozen=True, slots=True)
class GroupFrame:
    """A frame about the message `seq` of a group, on the group's channel: for the members who may see the message.

    With `only`, it is for those of them alone. It is not for those who are `blind`.
    """

    conversation_id: str
    seq: int
    frame: bytes
    only: frozenset[int] = frozenset()
    blind: frozenset[int] = frozenset()
    quoting: Quoting | None = None

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        header = _header(
            "group_frame",
            self.quoting,
            conversation_id=self.conversation_id,
            seq=self.seq,
            only=sorted(self.only),
            blind=sorted(self.blind),
        )
        return header, self.frame

    @staticmethod
    def read(header: Header, frames: Frames) -> "GroupFrame":
        """Returns the frame. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        conversation_id, seq = _typed(header, conversation_id=str, seq=int)
        blind = header.get("blind", [])  # 0.4.0 does not know the field
        only = frozenset(_flat(header["only"], int))
        return GroupFrame(conversation_id, seq, frame, only, frozenset(_flat(blind, int)), _quoting(header))


@dataclass(frozen=True, slots=True)
class GroupTyping:
    """A typing frame for the members of a group but `from_user_id`, on the group's channel.

    `members_seq` as in FastGroupMessage.
    """

    conversation_id: str
    from_user_id: int
    members_seq: int
    frame: bytes

    def lines(self) -> Frames:
        """Returns the header and its frame."""
        header = {
            "kind": "group_typing",
            "v": 1,
            "conversation_id": self.conversation_id,
            "from_user_id": self.from_user_id,
            "members_seq": self.members_seq,
        }
        return orjson.dumps(header), self.frame

    @staticmethod
    def read(header: Header, frames: Frames) -> "GroupTyping":
        """Returns the typing note. Raises KeyError, TypeError or ValueError if header or frames do not fit."""
        (frame,) = frames
        conversation_id, from_user_id, members_seq = _typed(
            header, conversation_id=str, from_user_id=int, members_seq=int
        )
        return GroupTyping(conversation_id, from_user_id, members_seq, frame)


@dataclass(frozen=True, slots=True)
class Joined:
    """A user has come into a group: the note on their channel has their relays subscribe to the group's."""

    conversation_id: str

    def lines(self) -> Frames:
        """Returns the header, the only line."""
        return (orjson.dumps({"kind": "joined", "v": 1, "conversation_id": self.conversation_id}),)

    @staticmethod
    def read(header: Header, _frames: Frames) -> "Joined":
        """Returns the note. Raises KeyError or TypeError if the header does not fit."""
        (conversation_id,) = _typed(header, conversation_id=str)
        return Joined(conversation_id)


@dataclass(frozen=True, slots=True)
class BacklogPage:
    """The answer to a connection's request `serial`: its frames are the messages at `places`, in that order.

    `cursor` is what to ask for the next page with; None says that this page is the last. `tops` names conversations and
    how far they have got, read together with the page: all that comes after it is in the backlog, or workers have still
    to publish it. A note without `tops`, from an older release, names none. `ids` are those of the messages, 0 for one
    whose way the log does not tell; there are none when it tells of no message.
    """

    connection_id: str
    serial: int
    runs: tuple[Run, ...] = ()
    places: tuple[Place, ...] = ()
    cursor: Place | None = None
    frames: Frames = ()
    tops: tuple[Place, ...] = ()
    ids: tuple[int, ...] = ()

    def lines(self) -> Frames:
        """Returns the header and the frames of its messages."""
        header = {
            "kind": "backlog",
            "v": 1,
            "connection_id": self.connection_id,
            "serial": self.serial,
            "runs": self.runs,
            "places": self.places,
            "cursor": self.cursor,
            "tops": self.tops,
        }
        return orjson.dumps(header | ({"ids": self.ids} if self.ids else {})), *self.frames

    @staticmethod
    def read(header: Header, frames: Frames) -> "BacklogPage":
        """Returns the page. Raises KeyError or TypeError if header or frames do not fit."""
        connection_id, serial, cursor = header["connection_id"], header["serial"], header["cursor"]
        runs, places = _rows(header["runs"], str, int, int, bool), _rows(header["places"], str, int)
        tops, ids = _rows(header.get("tops", []), str, int), _flat(header.get("ids", []), int)
        if not (type(connection_id) is str and type(serial) is int and len(places) == len(frames)):
            raise TypeError
        if ids and len(ids) != len(places):
            raise TypeError
        (place,) = (None,) if cursor is None else _rows([cursor], str, int)
        return BacklogPage(connection_id, serial, runs, places, place, tuple(frames), tops, ids)


@dataclass(frozen=True, slots=True)
class Greeting:
    """The frames for a connection that has just been opened: the presence of each friend who is online."""

    connection_id: str
    frames: Frames

    def lines(self) -> Frames:
        """Returns the header and its frames."""
        return orjson.dumps({"kind": "greeting", "v": 1, "connection_id": self.connection_id}), *self.frames

    @staticmethod
    def read(header: Header, frames: Frames) -> "Greeting":
        """Returns the greeting. Raises KeyError or TypeError if the header does not fit."""
        connection_id = header["connection_id"]
        if type(connection_id) is not str:
            raise TypeError
        return Greeting(connection_id, tuple(frames))


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Proofs of a relay that a worker has dealt with, so that the relay need not send them again."""

    proofs: tuple[Proof, ...]

    def lines(self) -> Frames:
        """Returns the header, the only line."""
        return (orjson.dumps({"kind": "confirmed", "v": 1, "proofs": self.proofs}),)

    @staticmethod
    def read(header: Header, _frames: Frames) -> "Confirmed":
        """Returns the confirmed proofs. Raises KeyError or TypeError if the header does not fit."""
        return Confirmed(_rows(header["proofs"], int, str, int, int))


@dataclass(frozen=True, slots=True)
class Trace:
    """An operator's question on a user's channel: up to which seq was a conversation written to the user's sockets?

    The relay publishes the number on the channel `reply`.
    """

    conversation_id: str
    reply: str

    def lines(self) -> Frames:
        """Returns the header, the only line."""
        header = {"kind": "trace", "v": 1, "conversation_id": self.conversation_id, "reply": self.reply}
        return (orjson.dumps(header),)

    @staticmethod
    def read(header: Header, _frames: Frames) -> "Trace":
        """Returns the trace. Raises KeyError or TypeError if the header does not fit."""
        conversation_id, reply = header["conversation_id"], header["reply"]
        if not (type(conversation_id) is str and type(reply) is str):
            raise TypeError
        return Trace(conversation_id, reply)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A note that a relay publishes to itself: when it fails to come, the link is lost."""

    def lines(self) -> Frames:
        """Returns the header, the only line."""
        return (orjson.dumps({"kind": "heartbeat", "v": 1}),)

    @staticmethod
    def read(_header: Header, _frames: Frames) -> "Heartbeat":
        """Returns a heartbeat: there is nothing to read."""
        return Heartbeat()


Live = Message | FastMessage | Frame | Typing  # for all connections of a user
Own = BacklogPage | Greeting  # for the connection `connection_id`
OfGroup = GroupMessage | FastGroupMessage | GroupFrame | GroupTyping  # for the members of a group
Note = Live | Own | OfGroup | Joined | Confirmed | Trace | Heartbeat

_READERS: dict[tuple[str, int], Callable[[Header, Frames], Note]] = {
    ("message", 1): Message.read,
    ("fast_message", 1): FastMessage.read,
    ("frame", 1): Frame.read,
    ("typing", 1): Typing.read,
    ("group_message", 1): GroupMessage.read,
    ("fast_group_message", 1): FastGroupMessage.read,
    ("group_frame", 1): GroupFrame.read,
    ("group_typing", 1): GroupTyping.read,
    ("joined", 1): Joined.read,
    ("backlog", 1): BacklogPage.read,
    ("greeting", 1): Greeting.read,
    ("confirmed", 1): Confirmed.read,
    ("trace", 1): Trace.read,
    ("heartbeat", 1): Heartbeat.read,
}


def encode(note: Note) -> bytes:
    """Returns the bytes to publish: the header and the frames, one a line."""
    return b"\n".join(note.lines())


def decode(raw: bytes) -> Note:
    """Returns the note that was encoded. Raises BadNote."""
    first, *frames = raw.split(b"\n")
    try:
        header = orjson.loads(first)
        read = _READERS[header["kind"], header.get("v", _ASSUMED_VERSION)]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadNote("no header of a known kind and version") from None
    try:
        return read(header, frames)
    except (KeyError, TypeError, ValueError):
        raise BadNote("a field that is missing or of a wrong type, or a wrong number of frames") from None


def _rows(raw: Any, *types: type) -> tuple[Any, ...]:
    """Returns the lists in a list as tuples. Raises TypeError if their values are not of these types."""
    rows = tuple(map(tuple, raw))
    if not isinstance(raw, list) or {tuple(map(type, row)) for row in rows} - {types}:
        raise TypeError
    return rows


def _typed(header: Header, **types: type) -> tuple[Any, ...]:
    """Returns the values of these fields. Raises KeyError for a missing one, TypeError for one of another type."""
    values = tuple(header[name] for name in types)
    if tuple(map(type, values)) != tuple(types.values()):
        raise TypeError
    return values


def _flat(raw: Any, kind: type) -> tuple[Any, ...]:
    """Returns a list as a tuple. Raises TypeError unless it is one, of values of this type."""
    if not isinstance(raw, list) or {type(each) for each in raw} - {kind}:
        raise TypeError
    return tuple(raw)
