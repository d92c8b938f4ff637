"""Tests of who gets a note on a group's channel, when members come and go while memberships are read."""

from collections.abc import Collection

import pytest

from infra import notes
from messaging.groups.memberships import Membership
from realtime.groups import LINGER_SECONDS, REMEMBERED_SECONDS, Groups, Mark

ALICE, BOB, CAROL = 1, 2, 3
GROUP = "group_5"


class Relay:
    """The groups of a relay, whose clock the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.groups = Groups(clock=lambda: self.now)

    def listen(self, *names: str) -> Mark:
        """Have the channels of groups confirmed. Returns the moment after it."""
        self.groups.confirmed(self.groups.expect(names or (GROUP,)).values())
        return self.groups.mark()

    def read(
        self, user_id: int, since: Mark, *, first_seq: int = 1, members_seq: int = 1, names: Collection[str] = (GROUP,)
    ) -> bool:
        """Take in memberships that were read after `since`. Returns whether they could be taken in."""
        return self.groups.install(user_id, [Membership(name, first_seq, members_seq) for name in names], since)

    def message(self, seq: int, *went: int, came: bool = False) -> list[int]:
        """Returns who gets the worker's note of a message."""
        note = notes.GroupMessage(GROUP, seq, ALICE, b"{}", membership=came or bool(went), went=went)
        return self.groups.audience(note)

    def fast(self, seq: int, members_seq: int) -> list[int]:
        """Returns who gets the fast note of a message."""
        return self.groups.audience(notes.FastGroupMessage(GROUP, seq, ALICE, members_seq, b"{}"))

    def typing(self, user_id: int, members_seq: int) -> list[int]:
        """Returns who gets the note that a user is typing."""
        return self.groups.audience(notes.GroupTyping(GROUP, user_id, members_seq, b"{}"))


@pytest.fixture
def relay() -> Relay:
    """Returns a relay with two members of a group: one from its beginning, one from message 5 on."""
    relay = Relay()
    since = relay.listen()
    assert relay.read(ALICE, since)
    assert relay.read(BOB, since, first_seq=5, members_seq=5)
    return relay


def test_a_message_goes_to_those_who_may_see_it(relay: Relay) -> None:
    assert [relay.message(seq) for seq in (4, 5, 6)] == [[ALICE], [ALICE, BOB], [ALICE, BOB]]


def test_a_frame_about_a_message_goes_to_those_who_may_see_the_message(relay: Relay) -> None:
    assert [relay.groups.audience(notes.GroupFrame(GROUP, seq, b"{}")) for seq in (4, 5)] == [[ALICE], [ALICE, BOB]]


def test_a_frame_for_some_members_goes_to_those_of_them_who_may_see_the_message(relay: Relay) -> None:
    assert [relay.groups.audience(notes.GroupFrame(GROUP, seq, b"{}", frozenset({BOB, CAROL}))) for seq in (4, 5)] == [
        [],
        [BOB],
    ]


def test_a_quote_is_for_those_who_may_see_what_is_quoted(relay: Relay) -> None:
    quotings = [notes.Quoting(b"{}", 4), notes.Quoting(b"{}", 5), notes.Quoting(b"{}", 5, frozenset({ALICE}))]
    assert [[relay.groups.sees(user, GROUP, each) for user in (ALICE, BOB, CAROL)] for each in quotings] == [
        [True, False, False],
        [True, True, False],
        [False, True, False],
    ]
    assert not relay.groups.sees(ALICE, "group_6", quotings[0])
    relay.message(6, ALICE)
    assert not relay.groups.sees(ALICE, GROUP, quotings[0])


def test_a_frame_that_is_not_for_some_members_goes_to_the_others(relay: Relay) -> None:
    note = notes.GroupFrame(GROUP, 5, b"{}", blind=frozenset({BOB, CAROL}))
    assert relay.groups.audience(note) == [ALICE]


def test_typing_goes_to_all_others(relay: Relay) -> None:
    assert relay.typing(ALICE, 1) == [BOB]


def test_a_group_that_nobody_here_is_in_has_no_audience(relay: Relay) -> None:
    assert relay.groups.audience(notes.GroupMessage("group_6", 1, ALICE, b"{}")) == []


def test_who_is_removed_gets_the_message_that_says_so_and_no_other(relay: Relay) -> None:
    assert relay.message(7, BOB) == [ALICE, BOB]
    assert relay.message(8) == [ALICE]
    assert relay.groups.audience(notes.GroupFrame(GROUP, 6, b"{}")) == [ALICE]
    assert relay.typing(ALICE, 7) == []


def test_a_membership_read_before_a_removal_is_not_taken_in_after_it(relay: Relay) -> None:
    since = relay.groups.mark()
    relay.message(7, BOB)
    assert relay.read(BOB, since, first_seq=5, members_seq=5), "there is nothing to be read anew"
    assert relay.message(8) == [ALICE]


def test_who_comes_back_is_taken_in_and_sees_from_then_on(relay: Relay) -> None:
    relay.message(7, BOB)
    assert relay.read(BOB, relay.groups.mark(), first_seq=9, members_seq=9)
    assert [relay.message(seq) for seq in (8, 9)] == [[ALICE], [ALICE, BOB]]


def test_a_repeat_of_a_removal_does_not_remove_who_has_come_back(relay: Relay) -> None:
    """A worker that was killed after publishing has its work done again."""
    relay.message(7, BOB)
    relay.read(BOB, relay.groups.mark(), first_seq=9, members_seq=9)
    assert [relay.message(6), relay.message(7, BOB), relay.message(8)] == [[ALICE]] * 3
    assert relay.message(9) == [ALICE, BOB]


def test_who_was_removed_and_came_back_before_their_removal_is_heard_stays(relay: Relay) -> None:
    relay.read(BOB, relay.groups.mark(), first_seq=9, members_seq=9)
    assert [relay.message(7, BOB), relay.message(8)] == [[ALICE]] * 2
    assert relay.message(9, came=True) == [ALICE, BOB]


def test_what_is_read_late_takes_nothing_back(relay: Relay) -> None:
    since = relay.groups.mark()
    relay.read(BOB, since, first_seq=9, members_seq=9)
    relay.read(BOB, since, first_seq=5, members_seq=8)
    relay.read(BOB, since, first_seq=9, members_seq=8)
    assert relay.message(8) == [ALICE]
    assert relay.fast(10, 9) == [BOB]


def test_a_reading_older_than_what_is_remembered_is_not_taken(relay: Relay) -> None:
    since = relay.groups.mark()
    relay.message(7, BOB)
    relay.now += REMEMBERED_SECONDS + 1
    relay.groups.drop_removals()
    assert not relay.read(BOB, since, first_seq=5, members_seq=5)
    assert relay.message(8) == [ALICE]


def test_a_removal_is_remembered_as_long_as_a_reading_may_take(relay: Relay) -> None:
    since = relay.groups.mark()
    relay.message(7, BOB)
    relay.now += REMEMBERED_SECONDS
    relay.groups.drop_removals()
    relay.read(BOB, since, first_seq=5, members_seq=5)
    assert relay.message(8) == [ALICE]


def test_a_removal_heard_again_is_remembered_from_then_on(relay: Relay) -> None:
    relay.message(7, BOB)
    relay.now += REMEMBERED_SECONDS
    since = relay.groups.mark()
    relay.message(7, BOB)
    relay.now += 1
    relay.groups.drop_removals()
    relay.read(BOB, since, first_seq=5, members_seq=5)
    assert relay.message(8) == [ALICE]


def test_a_fast_message_goes_to_those_who_are_surely_members_still(relay: Relay) -> None:
    """Message 6 may have removed one of them, and is not passed on yet. Bob's membership was read after it."""
    assert relay.fast(7, 6) == []
    relay.read(BOB, relay.groups.mark(), first_seq=5, members_seq=6)
    assert relay.fast(7, 6) == [BOB]
    relay.message(6, CAROL)
    assert relay.fast(7, 6) == [ALICE, BOB]
    assert relay.fast(4, 1) == [ALICE], "what came before message 5 is not Bob's"


def test_typing_goes_to_those_who_are_surely_members_still(relay: Relay) -> None:
    assert relay.typing(CAROL, 6) == []
    relay.read(BOB, relay.groups.mark(), first_seq=5, members_seq=6)
    assert (relay.typing(CAROL, 6), relay.typing(BOB, 6)) == ([BOB], [])
    relay.message(6, ALICE)
    assert relay.typing(CAROL, 6) == [BOB]


def test_messages_without_members_who_come_or_go_make_nobody_surer(relay: Relay) -> None:
    relay.message(6)
    assert relay.fast(7, 6) == []


def test_nothing_is_taken_in_before_the_channel_is_confirmed(relay: Relay) -> None:
    """Whatever changes between the reading and the confirmation is not heard."""
    since = relay.groups.mark()
    assert not relay.read(CAROL, since, names=(GROUP, "group_6"))
    assert relay.message(6) == [ALICE, BOB], "not even of the group whose channel is confirmed"
    assert set(relay.groups.expect([GROUP, "group_6"])) == {"group_6"}
    assert not relay.read(CAROL, since, names=("group_6",))
    after = relay.listen("group_6")
    assert not relay.read(CAROL, since, names=("group_6",)), "it was read before the confirmation"
    assert relay.read(CAROL, after, names=("group_6",))


def test_it_is_known_whether_a_message_came_while_a_membership_was_read(relay: Relay) -> None:
    its, since = [Membership(GROUP, 1, 1)], relay.groups.mark()
    assert relay.groups.unheard(its, since)
    relay.fast(7, 1)
    assert relay.groups.unheard(its, since), "the worker's note is still to come"
    relay.message(7)
    assert not relay.groups.unheard(its, since)
    assert relay.groups.unheard(its, relay.groups.mark())
    assert relay.groups.unheard([], since)


def test_after_a_lost_link_nobody_is_in_any_group(relay: Relay) -> None:
    since = relay.groups.mark()
    relay.groups.forget()
    assert relay.message(6) == []
    assert not relay.read(BOB, since, first_seq=5), "a removal since then may be lost"
    assert set(relay.groups.expect([GROUP])) == {GROUP}
    assert relay.read(BOB, relay.listen(), first_seq=5, members_seq=5)
    assert relay.message(7) == [BOB]


def test_what_was_passed_on_before_a_lost_link_makes_nobody_sure_after_it(relay: Relay) -> None:
    relay.message(6, CAROL)
    relay.groups.forget()
    relay.read(ALICE, relay.listen())
    assert relay.fast(7, 6) == []


def test_a_group_is_given_up_when_it_has_had_no_member_here_for_a_while(relay: Relay) -> None:
    relay.groups.leave(ALICE)
    relay.now += LINGER_SECONDS + 1
    assert relay.groups.drop_idle(10) == []
    relay.groups.leave(BOB)
    assert relay.groups.drop_idle(10) == []
    relay.now += LINGER_SECONDS + 1
    assert relay.groups.drop_idle(10) == [GROUP]
    assert relay.groups.drop_idle(10) == []
    assert relay.message(8) == []
    assert set(relay.groups.expect([GROUP])) == {GROUP}


def test_a_group_whose_last_member_is_removed_is_given_up_too(relay: Relay) -> None:
    relay.message(7, ALICE, BOB)
    relay.now += LINGER_SECONDS + 1
    assert relay.groups.drop_idle(10) == [GROUP]


def test_a_group_that_gets_a_member_again_is_kept(relay: Relay) -> None:
    relay.groups.leave(ALICE)
    relay.groups.leave(BOB)
    relay.read(ALICE, relay.groups.mark())
    relay.now += LINGER_SECONDS + 1
    assert relay.groups.drop_idle(10) == []
    assert relay.message(8) == [ALICE]


def test_a_group_that_somebody_is_about_to_be_in_is_kept(relay: Relay) -> None:
    relay.groups.leave(ALICE)
    relay.groups.leave(BOB)
    relay.now += LINGER_SECONDS + 1
    relay.groups.expect([GROUP])
    assert relay.groups.drop_idle(10) == []


def test_a_channel_confirmed_for_a_group_that_was_given_up_meanwhile_counts_for_nothing(relay: Relay) -> None:
    missing = relay.groups.expect(["group_6"])
    relay.now += LINGER_SECONDS + 1
    assert relay.groups.drop_idle(10) == ["group_6"]
    relay.groups.expect(["group_6"])
    relay.groups.confirmed(missing.values())
    assert not relay.read(ALICE, relay.groups.mark(), names=("group_6",))


def test_no_more_groups_are_given_up_at_once_than_wanted(relay: Relay) -> None:
    names = [f"group_{number}" for number in range(10, 15)]
    relay.listen(*names)
    relay.now += LINGER_SECONDS + 1
    assert [relay.groups.drop_idle(2) for _ in range(4)] == [names[:2], names[2:4], names[4:], []]
