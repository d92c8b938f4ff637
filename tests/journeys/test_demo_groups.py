"""Tests of groups in the demo client: who makes them, comes and goes, mentions whom, and has read what."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.embedded_run import EmbeddedRun
from tests.journeys.window import RECALLED, Window, text_of
from tests.people import User, Web, answer, befriend, conversations, history, new_user

Three = tuple[User, User, User]


@pytest.fixture
def three(rest: Web) -> Three:
    """Returns Ann, and two friends of hers who are strangers to each other: Ben and Cleo."""
    ann, ben, cleo = (new_user(rest, name) for name in ("Ann", "Ben", "Cleo"))
    befriend(rest, ann, ben)
    befriend(rest, ann, cleo)
    return ann, ben, cleo


@pytest.fixture
def phone(browser: Browser, embedded: EmbeddedRun) -> Iterator[Window]:
    """Yields a window of the size of a small phone, with Chinese texts."""
    window = Window(browser, embedded.url, locale="zh-CN", viewport={"width": 360, "height": 640}, has_touch=True)
    yield window
    window.context.close()
    assert window.faults == []


def group_of(rest: Web, owner: User, *members: User, name: str = "Climbing", **fields: Any) -> dict[str, Any]:
    """Make a group of friends of its owner. Returns the Group."""
    body = {"name": name, "member_ids": [member.id for member in members]} | fields
    found: dict[str, Any] = answer(rest.post("/group/v1/create", body, owner.token))["group"]
    return found


def say_in(rest: Web, user: User, group: dict[str, Any], content: str, **fields: Any) -> dict[str, Any]:
    """Send a text to a group. Returns the Message."""
    body = {"group_id": group["id"], "content": content} | fields
    found: dict[str, Any] = answer(rest.post("/message/v1/send", body, user.token))["message"]
    return found


def call(rest: Web, user: User, path: str, group: dict[str, Any], **fields: Any) -> Any:
    return answer(rest.post(f"/group/v1/{path}", {"group_id": group["id"]} | fields, user.token))


def sign_in_to(window: Window, user: User, name: str = "Climbing") -> None:
    """Sign in, and open a group."""
    window.sign_in(user)
    window.open_conversation(name)


def line(window: Window, text: str) -> Locator:
    """Returns the system messages of a text."""
    said = window.page.locator(".text").filter(has_text=re.compile(f"^{re.escape(text)}$"))
    return window.page.locator(".entry.system").filter(has=said)


def expect_lines(window: Window, *texts: str) -> None:
    expect(window.page.locator(".entry.system .text")).to_have_text(list(texts))


def member(window: Window, name: str) -> Locator:
    """Returns a member's row in the details."""
    return window.find("member").filter(has_text=name)


def manage(window: Window, name: str, entry: str) -> None:
    """Choose an entry of the menu of a member."""
    member(window, name).get_by_test_id("member-menu").click()
    window.find(entry).click()


def details(window: Window) -> None:
    window.find("to-details").click()
    expect(window.find("group-name")).to_be_visible()


def test_a_group_is_made_and_its_members_talk(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    alice.sign_in(ann)
    bob.sign_in(ben)
    alice.find("tab-people").click()
    alice.find("to-new-group").click()
    alice.find("new-group-name").fill("Climbing")
    for name in ("Ben", "Cleo"):
        alice.page.get_by_role("checkbox", name=name).check()
    alice.find("create-group").click()
    expect(line(alice, "You created the group with Ben and Cleo")).to_be_visible()
    expect(alice.find("chat-note")).to_have_text("Members: 3")

    hello, again, reply = text_of("hello"), text_of("again"), text_of("reply")
    alice.send(hello)
    expect(bob.badge("Climbing")).to_have_text("1")
    expect(bob.conversation("Climbing")).to_contain_text(f"Ann: {hello}")
    bob.open_conversation("Climbing")
    expect(line(bob, "Ann created the group with you and Cleo")).to_be_visible()
    bob.expect_received(hello)
    alice.send(again)
    for text, named in ((hello, True), (again, False)):
        expect(bob.message(text).get_by_test_id("author")).to_be_visible(visible=named)
    expect(bob.message(hello).get_by_test_id("author")).to_have_text("Ann")
    expect(bob.message(hello).locator(".avatar")).to_contain_text("A")
    group = conversations(rest, cleo)
    say_in(rest, cleo, {"id": next(iter(group.values()))["group_id"]}, reply)
    for window in windows:
        window.expect_received(reply)
        expect(window.message(reply).get_by_test_id("author")).to_have_text("Cleo")  # a stranger to Ben
    expect(alice.message(again).get_by_test_id("author")).to_be_hidden()

    bob.find("composer").press_sequentially("hm")
    expect(alice.find("typing")).to_have_text("Ben is typing…")


def test_all_that_happens_to_members_is_a_line_in_the_chat(
    windows: tuple[Window, Window], rest: Web, three: Three
) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    bob.expected_fault = "status of 403"  # a role may end between two calls of the page
    group_of(rest, ann, ben)
    sign_in_to(alice, ann)
    sign_in_to(bob, ben)
    details(alice)
    alice.find("to-invite").click()
    alice.page.get_by_role("checkbox", name="Cleo").check()
    alice.find("invite").click()
    expect(member(alice, "Cleo")).to_be_visible()
    expect(line(bob, "Ann added Cleo")).to_be_visible()

    manage(alice, "Ben", "menu-role")
    expect(member(alice, "Ben")).to_have_attribute("data-role", "2")
    details(bob)
    expect(member(bob, "Ben (you)").locator(".preview")).to_have_text("Admin")
    expect(member(bob, "Ann").get_by_test_id("member-menu")).to_be_hidden()
    manage(bob, "Cleo", "menu-mute-3600")
    expect(member(bob, "Cleo")).to_contain_text("muted until")
    manage(bob, "Cleo", "menu-unmute")
    expect(member(bob, "Cleo").locator(".preview")).to_have_text("Member")
    manage(alice, "Ben", "menu-role")
    expect(member(bob, "Cleo").get_by_test_id("member-menu")).to_be_hidden()
    manage(alice, "Ben", "menu-mute-600")
    expect(bob.find("no-writing")).to_contain_text("You are muted until")
    expect(bob.find("composer")).to_be_hidden()
    manage(alice, "Ben", "menu-unmute")
    expect(bob.find("composer")).to_be_visible()

    manage(alice, "Ben", "menu-remove")
    alice.find("confirm").click()
    expect(member(alice, "Ben")).to_have_count(0)
    expect(bob.find("no-writing")).to_have_text("You are not in this group.")
    expect(bob.find("member")).to_have_count(0)
    lines = ["You created the group with Ben", "You added Cleo", "You made Ben an admin", "Ben muted Cleo for 1 hour"]
    lines += ["Ben let Cleo write again", "You took the admin role from Ben", "You muted Ben for 10 minutes"]
    expect_lines(alice, *lines, "You let Ben write again", "You removed Ben")
    assert cleo.id in {user for each in history(rest, ann, "group_" + _number(alice)) for user in _concerned(each)}
    say_in(rest, cleo, {"id": int(_number(alice))}, text_of("unseen"))
    expect(bob.page.locator(".entry.system .text").last).to_have_text("Ann removed you")
    expect(bob.message("unseen")).to_have_count(0)


def _number(window: Window) -> str:
    return re.sub(r"\D", "", window.find("group-number").inner_text())


def _concerned(message: dict[str, Any]) -> list[int]:
    return list((message["extra"] or {}).get("user_ids", []))


def test_who_asks_to_join_is_let_in_or_not(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    stranger = new_user(rest, "Dan")
    group = group_of(rest, ann, ben, join_approval=True)
    call(rest, cleo, "join", group)
    sign_in_to(alice, ann)
    expect(alice.find("asking-count")).to_have_text("1")
    bob.sign_in(stranger)
    bob.find("tab-people").click()
    bob.find("to-join-group").click()
    bob.find("join-number").fill(str(group["id"]))
    bob.find("join-message").fill("May I?")
    bob.find("join-group").click()
    expect(bob.find("toast")).to_have_text("You have asked to join. An admin will answer.")

    details(alice)
    expect(alice.find("asking")).to_have_count(2)
    asking = alice.find("asking").filter(has_text="Dan")
    expect(asking).to_contain_text("May I?")
    asking.get_by_test_id("asking-accept").click()
    alice.find("asking").filter(has_text="Cleo").get_by_test_id("asking-reject").click()
    expect(alice.find("asking")).to_have_count(0)
    expect(alice.find("asking-count")).to_be_hidden()
    expect(line(alice, "You let Dan join the group")).to_be_visible()
    expect(bob.find("group").filter(has_text="Climbing")).to_be_visible()
    bob.find("tab-chats").click()
    bob.open_conversation("Climbing")
    expect_lines(bob, "Ann let you join the group")
    bob.send(text_of("hello"))


def test_a_number_without_a_group_is_refused_in_the_form(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    alice.expected_fault = "status of 404"
    alice.sign_in(new_user(rest))
    alice.find("tab-people").click()
    alice.find("to-join-group").click()
    alice.find("join-number").fill("999999999")
    alice.find("join-group").click()
    expect(alice.find("join-error")).to_have_text("There is no such group.")
    alice.page.keyboard.press("Escape")
    expect(alice.find("join-number")).to_be_hidden()
    alice.find("to-join-group").click()
    expect(alice.find("join-error")).to_be_empty()


def test_what_an_admin_changes_shows_at_once(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    group_of(rest, ann, ben, cleo)
    sign_in_to(alice, ann)
    sign_in_to(bob, ben)
    details(alice)
    alice.find("to-edit-group").click()
    alice.find("edit-name").fill("Bouldering")
    alice.find("save-group").click()
    expect(bob.conversation("Bouldering")).to_be_visible()
    expect(bob.page.locator("#chat-name")).to_have_text("Bouldering")
    alice.find("to-edit-group").click()
    alice.find("edit-notice").fill("Closed\non Monday")
    alice.find("save-group").click()
    expect(bob.find("notice")).to_have_text("Closed\non Monday")
    alice.find("to-edit-group").click()
    alice.find("edit-mute-all").check()
    alice.find("save-group").click()
    expect(bob.find("no-writing")).to_have_text("Only the owner and admins may write here now.")
    expect(alice.find("composer")).to_be_visible()
    lines = ["You created the group with Ben and Cleo", "You named the group Bouldering"]
    expect_lines(alice, *lines, "You put up a notice: Closed\non Monday", "You let only admins write")

    bob.find("notice").click()
    expect(bob.find("to-edit-group")).to_be_hidden()
    expect(bob.find("dissolve-group")).to_be_hidden()
    bob.find("my-nickname").fill("Benjamin")
    bob.find("save-nickname").click()
    expect(member(bob, "Benjamin (you)")).to_be_visible()


def test_a_member_leaves_and_the_owner_hands_over_and_dissolves(
    windows: tuple[Window, Window], rest: Web, three: Three
) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    group = group_of(rest, ann, ben, cleo)
    sign_in_to(alice, ann)
    sign_in_to(bob, ben)
    details(alice)
    expect(alice.find("leave-group")).to_be_hidden()
    manage(alice, "Ben", "menu-transfer")
    alice.find("confirm").click()
    expect(line(bob, "Ann made you the owner")).to_be_visible()
    expect(member(alice, "Ann (you)")).to_have_attribute("data-role", "2")
    alice.find("leave-group").click()
    alice.find("confirm").click()
    expect(alice.find("no-writing")).to_have_text("You are not in this group.")
    expect(line(bob, "Ann left the group")).to_be_visible()
    alice.conversation("Climbing").get_by_test_id("conversation-menu").click()
    expect(alice.page.get_by_role("menuitem")).to_have_text(["Hide"])
    alice.find("menu-hide").click()
    expect(alice.conversation("Climbing")).to_have_count(0)

    say_in(rest, cleo, group, "still here")
    details(bob)
    bob.find("dissolve-group").click()
    bob.find("confirm").click()
    expect(bob.find("no-writing")).to_have_text("This group was dissolved.")
    expect(line(bob, "You dissolved the group")).to_be_visible()
    expect(bob.message("still here")).to_be_visible()
    expect(bob.find("to-invite")).to_be_hidden()


def test_who_is_out_of_a_private_group_is_shown_outside(
    windows: tuple[Window, Window], rest: Web, three: Three
) -> None:
    (alice, _), (ann, ben, _) = windows, three
    alice.expected_fault = "status of 403"  # what such a group answers who was in it
    group = group_of(rest, ann, ben, is_private=True)
    sign_in_to(alice, ben)
    details(alice)
    expect(member(alice, "Ben (you)")).to_be_visible()
    call(rest, ann, "remove", group, user_ids=[ben.id])
    expect(alice.find("no-writing")).to_have_text("You are not in this group.")
    expect(alice.find("member")).to_have_count(0)
    alice.page.reload()
    alice.conversation("Climbing").click()
    expect(alice.find("no-writing")).to_have_text("You are not in this group.")
    expect(alice.find("composer")).to_be_hidden()


def test_who_comes_back_sees_from_then_on(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, _), (ann, ben, _) = windows, three
    group = group_of(rest, ann, ben)
    say_in(rest, ann, group, "before")
    alice.sign_in(ben)
    with alice.page.expect_response("**/message/v1/read"):
        alice.open_conversation("Climbing")
    expect(alice.message("before")).to_be_visible()
    call(rest, ben, "leave", group)
    expect(alice.find("no-writing")).to_be_visible()
    expect(alice.message("before")).to_be_visible()
    say_in(rest, ann, group, "meanwhile")
    call(rest, ann, "invite", group, user_ids=[ben.id])
    say_in(rest, ann, group, "after")
    expect(alice.find("composer")).to_be_visible()
    alice.expect_texts("Ann added you", "after")
    alice.page.reload()
    alice.open_conversation("Climbing")
    alice.expect_texts("Ann added you", "after")


def test_mentions_are_completed_marked_and_counted(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    twin = new_user(rest, "Cleo")
    befriend(rest, ann, twin)
    group = group_of(rest, ann, ben, cleo, twin)
    bob.sign_in(twin)
    bob.arrange("Climbing", "menu-mute")
    expect(bob.conversation("Climbing")).to_have_class(re.compile("muted"))
    sign_in_to(alice, ben)
    composer = alice.find("composer")
    expect(alice.find("chat-note")).to_have_text("Members: 4")
    composer.press_sequentially("mail@c")
    expect(alice.find("mention")).to_have_count(0)
    composer.press_sequentially(" and @C")
    expect(alice.find("mention")).to_have_text([re.compile("Cleo"), re.compile("Cleo")])
    composer.press("ArrowUp")
    expect(alice.find("mention").last).to_have_attribute("aria-selected", "true")
    expect(composer).to_have_attribute("aria-activedescendant", "mention-1")
    composer.press("ArrowDown")
    expect(composer).to_have_attribute("aria-activedescendant", "mention-0")
    composer.press("Enter")
    expect(composer).to_have_value("mail@c and @Cleo ")
    expect(alice.find("mention")).to_have_count(0)
    composer.press("Enter")
    expect(alice.message("mail@c and @Cleo").locator("mark")).to_have_text("@Cleo")
    expect(alice.message("mail@c and @Cleo")).to_have_attribute("data-status", "1")

    members = call(rest, ben, "members", group, limit=100)["members"]
    first = next(each["user_id"] for each in members if each["nickname"] == "Cleo")
    assert history(rest, ben, group["conversation_id"])[-1]["extra"] == {"mentions": [first]}
    if first != twin.id:
        say_in(rest, ben, group, "@Cleo too", extra={"mentions": [twin.id]})
    expect(bob.conversation("Climbing")).to_contain_text(re.compile("Ben: .*@Cleo"))  # a stranger, in a chat not opened
    expect(bob.conversation("Climbing").get_by_test_id("mention-badge")).to_have_accessible_name("Mentions of you: 1")
    expect(bob.page).to_have_title("(1) Messages")
    bob.open_conversation("Climbing")
    marked = bob.page.locator("[data-mentions-me]")
    expect(marked).to_have_count(1)
    expect(marked.locator("mark")).to_have_text("@Cleo")
    expect(bob.conversation("Climbing").get_by_test_id("mention-badge")).to_be_hidden()
    expect(bob.page).to_have_title("Messages")


def test_everyone_can_be_mentioned_by_an_admin_alone(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    group = group_of(rest, ann, ben, cleo)
    sign_in_to(alice, ann)
    sign_in_to(bob, ben)
    for window, count in ((alice, 1), (bob, 0)):
        expect(window.find("chat-note")).to_have_text("Members: 3")
        window.find("composer").press_sequentially("@every")
        expect(window.find("mention")).to_have_count(count)
    alice.find("mention").click()
    alice.find("composer").press("Enter")
    expect(bob.page.locator("[data-mentions-me]")).to_contain_text("@everyone")
    assert history(rest, cleo, group["conversation_id"])[-1]["extra"] == {"mentions": ["all"]}


def test_how_many_have_read_a_message_and_who(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    group = group_of(rest, ann, ben, cleo)
    sign_in_to(alice, ann)
    text = text_of("news")
    alice.send(text)
    read_by = alice.message(text).get_by_test_id("read-by")
    expect(read_by).to_have_text("Read by 0 of 2")
    sign_in_to(bob, ben)
    expect(read_by).to_have_text("Read by 1 of 2")
    answer(rest.post("/message/v1/read", {"conversation_id": group["conversation_id"]}, cleo.token))
    expect(read_by).to_have_text("Read by 2 of 2")
    expect(alice.message(text)).to_have_attribute("data-status", "3")
    read_by.click()
    expect(alice.find("readers-title")).to_have_text("Read by 2 of 2")
    expect(alice.find("reader")).to_have_count(2)
    assert {"Ben", "Cleo"} == set(alice.find("reader").locator(".name").all_inner_texts())
    alice.find("close-readers").click()
    expect(alice.find("readers-title")).to_be_hidden()
    bob.choose(text, "menu-readers")
    expect(bob.find("readers-title")).to_have_text("Read by 2 of 2")


def test_an_admin_recalls_anybodys_message_and_a_member_their_own(
    windows: tuple[Window, Window], rest: Web, three: Three
) -> None:
    (alice, bob), (ann, ben, cleo) = windows, three
    group = group_of(rest, ann, ben, cleo)
    others, own = text_of("others"), text_of("own")
    say_in(rest, cleo, group, others)
    sign_in_to(alice, ann)
    sign_in_to(bob, ben)
    bob.send(own)
    bob.message(others).get_by_test_id("message-menu").click()
    entries = ["Reply", "Forward…", "Copy", "Read by…", "Delete for me"]
    expect(bob.page.get_by_role("menuitem")).to_have_text(entries)
    bob.page.keyboard.press("Escape")
    line(bob, "Ann created the group with you and Cleo").get_by_test_id("message-menu").click()
    expect(bob.page.get_by_role("menuitem")).to_have_text(["Delete for me"])
    bob.page.keyboard.press("Escape")
    bob.choose(own, "menu-recall")
    alice.choose(others, "menu-recall")
    for window, first in ((alice, "You created the group with Ben"), (bob, "Ann created the group with you")):
        window.expect_texts(f"{first} and Cleo", RECALLED, RECALLED)


def test_what_happened_during_a_cut_link_is_caught_up(windows: tuple[Window, Window], rest: Web, three: Three) -> None:
    (alice, _), (ann, ben, cleo) = windows, three
    group = group_of(rest, ann, ben)
    sign_in_to(alice, ben)
    alice.cut_link()
    texts = [say_in(rest, ann, group, text_of("missed"))["content"] for _ in range(3)]
    call(rest, ann, "invite", group, user_ids=[cleo.id])
    call(rest, ann, "update", group, notice="new")
    alice.restore_link()
    alice.expect_texts("Ann created the group with you", *texts, "Ann added Cleo", "Ann put up a notice: new")
    expect(alice.find("notice")).to_have_text("new")
    expect(alice.find("chat-note")).to_have_text("Members: 3")

    alice.cut_link()
    call(rest, ann, "remove", group, user_ids=[ben.id])
    alice.restore_link()
    expect(alice.find("no-writing")).to_have_text("You are not in this group.")
    expect(alice.page.locator(".entry.system .text").last).to_have_text("Ann removed you")


def test_groups_work_on_a_phone_and_in_chinese(phone: Window, rest: Web, three: Three) -> None:
    ann, ben, cleo = three
    group = group_of(rest, ann, ben, cleo)
    call(rest, ann, "update", group, notice="n" * 300)
    text = say_in(rest, cleo, group, text_of("hello"), extra={"mentions": [ann.id]})["content"]
    phone.sign_in(ann)
    badge = phone.conversation("Climbing").get_by_test_id("mention-badge")
    expect(badge).to_have_accessible_name("提到我：1 条")
    phone.open_conversation("Climbing")
    expect(line(phone, "你创建了群组，成员有「Ben」和「Cleo」")).to_be_visible()
    phone.expect_received(text)
    expect(phone.find("chat-note")).to_have_text("成员：3")
    _expect_within(phone)

    later = text_of("later")
    phone.find("to-details").tap()
    expect(phone.find("close-details")).to_be_focused()
    expect(phone.find("composer")).to_be_hidden()
    expect(member(phone, "Ann（我）").locator(".preview")).to_have_text("群主")
    _expect_within(phone)
    manage(phone, "Ben", "menu-mute-86400")
    expect(member(phone, "Ben")).to_contain_text("禁言至")
    say_in(rest, cleo, group, later)
    phone.page.keyboard.press("Escape")
    expect(phone.find("to-details")).to_be_focused()
    expect(line(phone, "你将「Ben」禁言1天")).to_be_visible()
    phone.expect_received(later)
    phone.page.locator("#back").tap()
    expect(phone.conversation("Climbing")).to_contain_text(f"Cleo：{later}")


def test_what_the_details_cover_is_not_read(phone: Window, rest: Web, three: Three) -> None:
    ann, ben, cleo = three
    group = group_of(rest, ann, ben, cleo)
    phone.page.clock.install()
    phone.page.reload()
    phone.sign_in(ann)
    phone.open_conversation("Climbing")
    phone.find("to-details").tap()
    told: list[str] = []
    phone.page.on("request", lambda request: told.append(request.url) if "/message/v1/read" in request.url else None)
    sent = say_in(rest, cleo, group, text_of("hello"))
    expect(phone.message(sent["content"])).to_have_count(1)
    phone.page.clock.run_for(5_000)
    expect(phone.conversation("Climbing").get_by_test_id("unread-badge")).to_have_text("1")
    assert told == []
    assert conversations(rest, ann)[group["conversation_id"]]["unread_count"] == 1
    with phone.page.expect_response("**/message/v1/read"):
        phone.find("close-details").tap()


def _expect_within(window: Window) -> None:
    """Nothing is wider than the window."""
    assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)"
    assert window.page.evaluate(f"{cut}.map(one => one.id || one.className)") == []
