"""Tests of what each reader is told of the message that another one answers, by whatever way they get that."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from db.hidden import Hidden
from db.session import read, write
from messaging.backlog import PAGE_BYTES, pages
from messaging.conversation_id import group
from messaging.conversations import conversations
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code, Refused
from messaging.events import Announcement, GroupAnnouncement
from messaging.frame import frame
from messaging.history import history
from messaging.recall import recall
from messaging.replies import MOST_BLIND, MOST_BYTES
from messaging.send import Sent
from messaging.sync import sync
from tests.groups import changed, made
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, draft, drain, hide, set_message, store

Message = dict[str, Any]
_ids = count(1_000)


def answering(user_id: int, original: Message, content: str = "yes", **to: Any) -> Any:
    """Send an answer to a message, into its conversation unless `to` names another. Returns the answer of the send."""
    name = original["conversation_id"]
    where = {"group_id": int(name[6:])} if name.startswith("group_") else {}
    peer = 0 if where else sum(map(int, name.split("_"))) - user_id
    fields = {"reply_to": original["id"], "extra": f'{{"reply_to":{original["id"]}}}'} | where | to
    (answer,) = store(draft(user_id, fields.pop("to_user_id", peer), content, **fields))
    return answer


def said(user_id: int, group_id: int, content: str, **fields: Any) -> Message:
    """Send a message to a group. Returns it."""
    (answer,) = store(draft(user_id, 0, content, group_id=group_id, **fields))
    assert isinstance(answer, Sent)
    return answer.message


def sent(user_id: int, to_user_id: int, content: str, **fields: Any) -> Message:
    """Send a message to a friend. Returns it."""
    (answer,) = store(draft(user_id, to_user_id, content, **fields))
    assert isinstance(answer, Sent)
    return answer.message


def of(original: Message, **fields: Any) -> Message:
    """Returns the `reply` by which a message is told whole."""
    names = ("id", "seq", "from_user_id", "message_type", "status", "content")
    return {name: original[name] for name in names} | fields


def doors(user_id: int, name: str) -> Iterator[Message]:
    """Yields all that a user is told when they ask for a conversation, once for each way of asking."""
    yield from read(history, user_id=user_id, conversation_id=name, limit=100).messages
    for changes in ({}, {name: 0}):
        for moved in read(sync, user_id=user_id, heads={name: 0}, changes=changes).conversations:
            if moved.conversation["conversation_id"] == name:
                yield from moved.messages
    for listed in read(conversations, user_id=user_id, page=1, limit=50).conversations:
        if listed["conversation_id"] == name and listed["last_message"]:
            yield listed["last_message"]
    for page in read(pages, asked=[(user_id, None)]):
        yield from (message for message in page.messages if message["conversation_id"] == name)


def told(user_id: int, message: Message) -> list[Any]:
    """Returns the different replies by which a user is told of a message's original."""
    found = [each["reply"] for each in doors(user_id, message["conversation_id"]) if each["id"] == message["id"]]
    assert len(found) >= 3, "history, sync and the list or the backlog"
    return [each for place, each in enumerate(found) if each not in found[:place]]


def pushed(to: int | None = None) -> list[Any]:
    """Returns the replies of the messages that the workers announce to a user, or to a group."""
    return [
        each.content["reply"]
        for each in drain()
        if each.kind == "new_message" and (isinstance(each, GroupAnnouncement) or to in each.user_ids)
    ]


def test_a_reply_tells_what_it_answers_by_every_way(pair: str) -> None:
    first = sent(ALICE, BOB, "x" * 120)
    answer = answering(BOB, first)
    whole = of(first, content="x" * 100)
    assert answer.message["reply"] == whole
    assert answer.quote.blind == ()
    announced = [each for each in drain() if each.content["id"] == answer.message["id"]]
    assert [(each.user_ids, each.content["reply"]) for each in announced] == [((ALICE, BOB), whole)]
    assert [told(user, answer.message) for user in (ALICE, BOB)] == [[whole], [whole]]


def test_a_repeat_is_told_with_what_it_answers_now(pair: str) -> None:
    first = sent(ALICE, BOB, "one")
    answering(BOB, first, client_msg_id="k")
    assert answering(BOB, first, client_msg_id="k").message["reply"] == of(first)
    hide(BOB, first)
    assert answering(BOB, first, client_msg_id="k").message["reply"] == {"id": first["id"], "status": 5}


def test_a_withdrawn_original_keeps_its_text_to_itself(pair: str) -> None:
    first, second = sent(ALICE, BOB, "one"), sent(ALICE, BOB, "two")
    answers = [answering(BOB, each).message for each in (first, second)]
    write(recall, user_id=ALICE, message_id=first["id"])
    write(delete_for_everyone, user_id=BOB, message_id=second["id"])
    left = [{"id": first["id"], "status": 4}, {"id": second["id"], "status": 5}]
    assert pushed(ALICE)[2:] == left
    assert [told(BOB, answer) for answer in answers] == [[each] for each in left]
    drain()
    write(recall, user_id=BOB, message_id=answers[0]["id"])
    assert None in told(ALICE, answers[0]), "a recalled message answers nothing"


def test_who_has_hidden_the_original_is_told_no_more_of_it(pair: str) -> None:
    first = sent(ALICE, BOB, "one")
    write(delete_for_oneself, user_id=ALICE, message_id=first["id"])
    drain()
    answer = answering(BOB, first)
    assert answer.quote.blind == (ALICE,)
    announced = [(each.user_ids, each.content["reply"]) for each in drain()]
    assert announced == [((ALICE,), {"id": first["id"], "status": 5}), ((BOB,), of(first))]
    assert (told(ALICE, answer.message), told(BOB, answer.message)) == (
        [{"id": first["id"], "status": 5}],
        [of(first)],
    )


def test_a_caller_who_does_not_say_who_reads_is_told_what_both_see(pair: str) -> None:
    first = sent(ALICE, BOB, "one")
    answer = answering(BOB, first).message
    hide(BOB, first)
    found = read(history, user_id=ALICE, conversation_id=pair, hidden_from=(BOB,)).messages
    assert [each["reply"] for each in found if each["id"] == answer["id"]] == [{"id": first["id"], "status": 5}]


@pytest.mark.parametrize("named", ["other", "none", '"1"', "true", "1.5", "null", "[1]", "9007199254740993", "-1"])
def test_what_names_no_message_of_this_conversation_answers_nothing(pair: str, named: str) -> None:
    befriend(BOB, CAROL)
    elsewhere = sent(BOB, CAROL, "elsewhere")
    named = {"other": str(elsewhere["id"]), "none": "999"}.get(named, named)
    message = sent(ALICE, BOB, "hello")
    set_message(message, extra=f'{{"reply_to":{named}}}')  # as a release before let clients write
    assert pushed(BOB)[-1:] == [None]
    assert told(BOB, message) == [None]


def test_one_sees_in_a_group_what_came_since_they_did(any_database: str) -> None:
    group_id = made(ALICE, BOB)
    name = group(group_id)
    first = said(ALICE, group_id, "one")
    changed(name, ALICE, came=(CAROL,))
    changed(name, ALICE, went=(BOB,))
    changed(name, ALICE, came=(BOB,))
    answer = answering(ALICE, first)
    bare = {"id": first["id"], "status": 5}
    assert (answer.message["reply"], answer.quote.seq, answer.quote.blind) == (of(first), first["seq"], ())
    (announced,) = [each for each in drain() if each.content["id"] == answer.message["id"]]
    assert announced.content["reply"] == bare
    assert (announced.quoting.content["reply"], announced.quoting.seq) == (of(first), first["seq"])
    assert announced.quoting.content | {"reply": bare} == announced.content
    assert [told(user, answer.message) for user in (ALICE, BOB, CAROL)] == [[of(first)], [bare], [bare]]


def test_who_has_left_a_group_is_told_what_they_saw(any_database: str) -> None:
    group_id = made(ALICE, BOB)
    first = said(ALICE, group_id, "one")
    answer = answering(ALICE, first).message
    changed(group(group_id), ALICE, went=(BOB,))
    assert {str(each["reply"]) for each in doors(BOB, group(group_id)) if each["id"] == answer["id"]} == {
        str(of(first))
    }


def test_an_original_that_too_many_have_hidden_is_told_to_those_who_ask_alone(any_database: str) -> None:
    group_id = made(ALICE, BOB)
    first, second, third = (said(ALICE, group_id, text) for text in ("one", "two", "three"))
    write(lambda session, _: session.execute(insert(Hidden).values(user_id=ALICE, message_id=third["id"])))
    hidden = [{"user_id": 50_000 + number, "message_id": second["id"]} for number in range(MOST_BLIND + 1)]
    write(lambda session, _: session.execute(insert(Hidden), hidden))
    answers = store(
        *(
            draft(BOB, 0, "yes", group_id=group_id, reply_to=each["id"], extra=f'{{"reply_to":{each["id"]}}}')
            for each in (first, second, third)
        )
    )
    assert [answer.quote is None for answer in answers if isinstance(answer, Sent)] == [False, True, False]
    announced = [each for each in drain() if each.content["reply"]]
    assert [each.quoting is None for each in announced] == [False, True, False]
    assert announced[2].quoting.blind == (ALICE,)
    assert [answer.message["reply"] for answer in answers if isinstance(answer, Sent)] == [
        of(first),
        of(second),
        of(third),
    ]
    assert told(ALICE, announced[1].content) == [of(second)]


def refusal(answer: Any) -> Code | None:
    """Returns with which code a send was refused; None for one that was not."""
    return answer.code if isinstance(answer, Refused) else None


def test_a_reply_needs_a_message_of_its_conversation_that_its_sender_sees(pair: str) -> None:
    befriend(BOB, CAROL)
    elsewhere, hidden, deleted, recalled, hidden_from_other = (
        sent(BOB, CAROL if place == 0 else ALICE, "text") for place in range(5)
    )
    hide(ALICE, hidden)
    hide(BOB, hidden_from_other)
    set_message(deleted, status=5)
    set_message(recalled, status=4)
    group_id = made(ALICE, BOB)
    before = said(ALICE, group_id, "before")
    changed(group(group_id), ALICE, came=(CAROL,))
    refused = [
        refusal(answering(ALICE, elsewhere, to_user_id=BOB)),
        refusal(answering(ALICE, hidden)),
        refusal(answering(ALICE, deleted)),
        refusal(answering(ALICE, deleted | {"id": 999_999})),
        refusal(answering(CAROL, before)),
        refusal(answering(BOB, before, group_id=0, to_user_id=ALICE)),
    ]
    assert refused == [Code.NO_SUCH_MESSAGE] * 6
    assert [answering(ALICE, each).message["reply"]["id"] for each in (recalled, hidden_from_other)] == [
        recalled["id"],
        hidden_from_other["id"],
    ]
    assert refusal(answering(BOB, before)) is None


def test_a_page_of_replies_costs_as_much_as_one(pair: str, statements: list[str]) -> None:
    originals = [sent(ALICE, BOB, f"{place}") for place in range(20)]

    def cost(ask: Any) -> int:
        statements.clear()
        ask()
        return len(statements)

    def all_doors() -> list[int]:
        return [
            cost(lambda: read(history, user_id=BOB, conversation_id=pair)),
            cost(lambda: read(sync, user_id=BOB, heads={pair: 0}, changes={})),
            cost(lambda: read(pages, asked=[(BOB, None)])),
        ]

    drain()
    without = all_doors()
    answering(ALICE, originals[0])
    drain()
    one = all_doors()
    for each in originals:
        answering(ALICE, each)
    drain()
    assert all_doors() == one
    # the originals, and which of them this user has hidden; sync shows the conversation's last message as well
    assert [more - less for more, less in zip(one, without, strict=True)] in ([2, 4, 2], [1, 2, 1])


def test_the_largest_reply_is_within_its_bounds(pair: str) -> None:
    first = sent(ALICE, BOB, "\x01" * 5_000)
    reply = answering(BOB, first).message["reply"] | {name: 2**53 - 1 for name in ("id", "seq", "from_user_id")}
    assert MOST_BYTES - 5 < len(orjson.dumps(reply)) <= MOST_BYTES


def test_a_page_of_backlog_has_room_for_what_its_replies_quote(pair: str) -> None:
    first = sent(ALICE, BOB, "\x01" * 100)
    fields = {"reply_to": first["id"], "extra": f'{{"reply_to":{first["id"]}}}'}
    store(*(draft(ALICE, BOB, "x" * 500, **fields) for _ in range(199)))
    drain()
    (page,) = read(pages, asked=[(BOB, None)])
    assert page.cursor is not None
    assert PAGE_BYTES * 0.7 < sum(len(frame("new_message", each)) for each in page.messages) <= PAGE_BYTES


@dataclass
class Said:
    """A message of the model."""

    message: Message
    answers: int | None = None  # the place of its original
    status: int = 1
    hidden: set[int] = field(default_factory=set)


class Talk:
    """A model of a group and of a pair in it, of which all that is told is checked."""

    def __init__(self) -> None:
        self.group_id = made(ALICE, BOB, CAROL)
        self.name = group(self.group_id)
        self.one, self.other = next(_ids), next(_ids)
        befriend(self.one, self.other)
        self.pair = f"{self.one}_{self.other}"
        self.ranges: dict[int, tuple[int, int]] = dict.fromkeys((ALICE, BOB, CAROL), (1, 2**53))
        self.said: list[Said] = []

    def member(self, number: int) -> int | None:
        """Returns one of those who are in the group, if any is."""
        there = sorted(user for user, (_, upto) in self.ranges.items() if upto == 2**53)
        return there[number % len(there)] if there else None

    def sees(self, user: int, place: int) -> bool:
        """Returns whether a user sees a message, be it recalled or not."""
        said = self.said[place]
        if user in self.said[place].hidden or said.status == 5:
            return False
        first, upto = (1, 2**53) if said.message["conversation_id"] == self.pair else self.ranges[user]
        return first <= said.message["seq"] <= upto

    def step(self, kind: str, number: int, who: int) -> None:
        """Do one thing, if it can be done."""
        if kind in ("come", "go"):
            return self.move(kind, who)
        in_pair = bool(who % 2)
        user = (self.one, self.other)[number % 2] if in_pair else self.member(number)
        name = self.pair if in_pair else self.name
        seen = [
            place
            for place, each in enumerate(self.said)
            if each.message["conversation_id"] == name and user is not None and self.sees(user, place)
        ]
        if user is None:
            return None
        if kind == "say":
            return self.say(user, name, None)
        if not seen:
            return None
        place = seen[number % len(seen)]
        if kind == "answer":
            return self.say(user, name, place)
        return self.withdraw(kind, user, place)

    def say(self, user: int, name: str, place: int | None) -> None:
        """Send a message, which may answer another, and check what the sender and the fast path are told."""
        content = f"secret {len(self.said)}"
        if place is not None:
            answer = answering(user, self.said[place].message, content)
        else:
            to = self.one + self.other - user if name == self.pair else 0
            (answer,) = store(draft(user, to, content, group_id=0 if to else self.group_id))
        self.said.append(Said(answer.message, place))
        self.check(user, answer.message)
        if place is None:
            assert answer.quote is None
        else:
            quote = answer.quote
            seeing = {each for each in self.readers(name) if self.sees(each, place)}
            assert seeing == {
                each for each in self.readers(name) if self.first(each, name) <= quote.seq and each not in quote.blind
            }

    def readers(self, name: str) -> list[int]:
        """Returns who gets what is sent now."""
        in_group = [user for user, (_, upto) in self.ranges.items() if upto == 2**53]
        return [self.one, self.other] if name == self.pair else in_group

    def first(self, user: int, name: str) -> int:
        """Returns the seq of the first message that a user sees."""
        return 1 if name == self.pair else self.ranges[user][0]

    def withdraw(self, kind: str, user: int, place: int) -> None:
        """Hide, recall or delete a message."""
        said = self.said[place]
        id_ = said.message["id"]
        if kind == "hide":
            write(delete_for_oneself, user_id=user, message_id=id_)
            said.hidden.add(user)
        elif said.message["from_user_id"] == user and said.status < 4:
            write(recall if kind == "recall" else delete_for_everyone, user_id=user, message_id=id_)
            said.status = 4 if kind == "recall" else 5

    def move(self, kind: str, who: int) -> None:
        """Have somebody come into the group, or go."""
        user = (ALICE, BOB, CAROL, DAVE)[who % 4]
        if (user in self.readers(self.name)) == (kind == "come"):
            return
        seq = changed(self.name, ALICE, **{"came" if kind == "come" else "went": (user,)})["seq"]
        first, _ = self.ranges.get(user, (seq, 0))
        self.ranges[user] = (seq, 2**53) if kind == "come" else (first, seq)

    def check(self, user: int, message: Message) -> None:
        """Fail unless a message is told with what this user may know of its original now, and no less."""
        place = next((place for place, each in enumerate(self.said) if each.message["id"] == message["id"]), None)
        answers = self.said[place].answers if place is not None else None
        if answers is None or message["status"] >= 4:
            assert message["reply"] is None
            return
        original = self.said[answers]
        id_, seen = original.message["id"], self.sees(user, answers)
        if seen and original.status < 4:
            assert message["reply"] == of(original.message, status=message["reply"].get("status"))
        else:
            assert message["reply"] == {"id": id_, "status": 4 if seen else 5}

    def passed_on(self, announced: Any, user: int) -> Message:
        """Returns the Message that a relay passes on to a user."""
        quoting = getattr(announced, "quoting", None)
        sees = quoting and self.first(user, self.name) <= quoting.seq and user not in quoting.blind
        content: Message = quoting.content if sees else announced.content
        return content

    def check_all(self) -> None:
        """Check all that is pushed, as relays pass it on, and all that is told to who asks."""
        for each in drain():
            if not each.content.get("id"):
                continue
            for user in each.user_ids if isinstance(each, Announcement) else self.readers(self.name):
                if isinstance(each, Announcement) or self.first(user, self.name) <= each.content["seq"]:
                    self.check(user, self.passed_on(each, user))
        for name, users in ((self.name, self.ranges), (self.pair, (self.one, self.other))):
            for user in users:
                for message in doors(user, name):
                    self.check(user, message)


STEPS = st.tuples(
    st.sampled_from(["say", "answer", "answer", "answer", "hide", "recall", "delete", "come", "go", "check"]),
    st.integers(0, 20),
    st.integers(0, 7),
)


@given(st.lists(STEPS, min_size=5, max_size=30))
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nobody_is_ever_told_what_they_may_not_see(database: str, steps: list[tuple[str, int, int]]) -> None:
    drain()
    talk = Talk()
    for kind, number, who in steps:
        talk.check_all() if kind == "check" else talk.step(kind, number, who)
    talk.check_all()
