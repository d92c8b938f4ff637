"""Tests of the demo client in a real browser, with two windows for two users."""

import re
import uuid

from playwright.sync_api import Browser, expect

from tests.embedded_run import EmbeddedRun
from tests.journeys.window import RECALLED, Window, text_of
from tests.people import User, Web, answer, befriend, conversation, friends, history, new_user, send


def test_demo_users_chat_live(windows: tuple[Window, Window]) -> None:
    alice, bob = windows
    alice.sign_in_as("alice")
    bob.sign_in_as("bob")
    hello, answer = text_of("hello"), text_of("answer")

    alice.open_chat_of_friend("bob")
    alice.send(hello)
    alice.expect_delivered(hello)

    badge = bob.conversation("alice").get_by_test_id("unread-badge")
    expect(badge).to_be_visible()
    expect(badge).to_have_text(re.compile(r"^[1-9]\d?\+?$"))
    expect(bob.conversation("alice")).to_contain_text(hello)
    expect(bob.find("composer")).to_be_hidden()

    bob.open_chat_of_friend("alice")
    bob.expect_received(hello)
    bob.find("composer").fill(answer)
    bob.find("composer").press("Enter")
    alice.expect_received(answer)
    bob.expect_delivered(answer)
    expect_order(alice, hello, answer)
    expect_order(bob, hello, answer)


def test_strangers_register_become_friends_and_chat(windows: tuple[Window, Window]) -> None:
    carol, dave = windows
    names = [f"{name}{uuid.uuid4().hex[:12]}" for name in ("carol", "dave")]
    for window, name in zip(windows, names, strict=True):
        window.register(name)

    carol.find("tab-people").click()
    carol.find("search-input").fill(names[1])
    found = carol.find("search-result").filter(has_text=names[1])
    found.get_by_role("button", name="Add friend").click()
    expect(found.get_by_role("button", name="Requested")).to_be_disabled()

    dave.find("tab-people").click()
    dave.find("request-accept").click()
    expect(dave.friend(names[0])).to_be_visible()
    expect(dave.find("request-accept")).to_have_count(0)

    question, answer = text_of("question"), text_of("answer")
    carol.open_chat_of_friend(names[1])
    carol.send(question)
    dave.find("tab-chats").click()
    dave.conversation(names[0]).click()
    dave.expect_received(question)
    dave.send(answer)
    carol.expect_received(answer)
    carol.expect_delivered(question)
    dave.expect_delivered(answer)
    expect(carol.find("toast")).to_have_count(0)
    expect(dave.find("toast")).to_have_count(0)


def test_a_reloaded_window_is_still_signed_in_and_log_out_ends_that(windows: tuple[Window, Window]) -> None:
    erin, _ = windows
    erin.register(f"erin{uuid.uuid4().hex[:12]}")
    erin.page.reload()
    erin.expect_online()
    erin.find("logout").click()
    expect(erin.find("sign-in")).to_be_visible()
    erin.page.reload()
    expect(erin.find("sign-in")).to_be_visible()


def test_ticks_turn_blue_and_the_badge_goes_when_the_peer_opens_the_chat(
    windows: tuple[Window, Window], pair: tuple[User, User]
) -> None:
    (alice, bob), (a, b) = windows, pair
    hello, again = text_of("hello"), text_of("again")
    alice.open_chat_of_friend(b.username)
    alice.send(hello)
    expect(bob.badge(a.username)).to_have_text("1")
    expect(bob.page).to_have_title("(1) Messages")
    expect(alice.message(hello)).to_have_attribute("data-status", "2")

    bob.open_conversation(a.username)
    expect(alice.message(hello)).to_have_attribute("data-status", "3")
    expect(bob.badge(a.username)).to_be_hidden()
    expect(bob.page).to_have_title("Messages")

    alice.send(again)
    expect(alice.message(again)).to_have_attribute("data-status", "3")
    expect(bob.badge(a.username)).to_be_hidden()


def test_reading_in_one_window_clears_the_badge_of_the_other(windows: tuple[Window, Window], rest: Web) -> None:
    sender, reader = friends(rest)
    for window in windows:
        window.sign_in(reader)
    sent = send(rest, sender, reader)
    one, other = windows
    expect(one.badge(sender.username)).to_have_text("1")
    expect(other.badge(sender.username)).to_have_text("1")

    one.open_conversation(sender.username)
    expect(other.badge(sender.username)).to_be_hidden()
    expect(other.page).to_have_title("Messages")
    assert history(rest, sender, sent["conversation_id"])[0]["status"] == 3


def test_a_receipt_of_one_message_reads_that_one_alone(windows: tuple[Window, Window], rest: Web) -> None:
    sender, reader = friends(rest)
    alice, _ = windows
    alice.sign_in(sender)
    first, second = (send(rest, sender, reader, text_of("told")) for _ in range(2))
    alice.open_conversation(reader.username)
    expect(alice.message(first["content"])).to_have_attribute("data-status", "1")
    answer(rest.post("/message/v1/read", {"message_id": second["id"]}, reader.token))
    expect(alice.message(second["content"])).to_have_attribute("data-status", "3")
    expect(alice.message(first["content"])).to_have_attribute("data-status", "1")


def test_recall_shows_the_placeholder_on_both_sides(windows: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, bob), (a, b) = windows, pair
    text = text_of("regretted")
    alice.open_chat_of_friend(b.username)
    alice.send(text)
    expect(bob.badge(a.username)).to_be_visible()
    alice.choose(text, "menu-recall")
    for window in windows:
        expect(window.message(text)).to_have_count(0)
    expect(bob.badge(a.username)).to_be_hidden()
    expect(bob.conversation(a.username)).not_to_contain_text(text)

    bob.open_conversation(a.username)
    for window in windows:
        expect(window.find("message")).to_have_attribute("data-status", "4")
        expect(window.find("message").locator(".text")).to_have_css("font-style", "italic")
        expect(window.find("message").locator(".text")).to_have_text(RECALLED)
    alice.find("message-menu").click()
    expect(alice.find("menu-delete-self")).to_be_visible()
    expect(alice.find("menu-recall")).to_have_count(0)


def test_delete_for_everyone_and_for_me(windows: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, bob), (a, b) = windows, pair
    texts = kept, mine_alone, nobodys = [text_of(what) for what in ("kept", "hidden", "deleted")]
    alice.open_chat_of_friend(b.username)
    bob.open_chat_of_friend(a.username)
    for text in texts:
        alice.send(text)
    bob.expect_texts(*texts)

    alice.choose(nobodys, "menu-delete-everyone")
    alice.page.get_by_role("button", name="Cancel").click()
    alice.expect_texts(*texts)
    alice.delete_for_everyone(nobodys)
    for window in windows:
        window.expect_texts(kept, mine_alone)
    bob.find("tab-chats").click()
    expect(bob.conversation(a.username)).to_contain_text(mine_alone)

    bob.message(mine_alone).get_by_test_id("message-menu").press("Enter")
    expect(bob.find("menu-reply")).to_be_focused()
    bob.page.keyboard.press("ArrowUp")
    expect(bob.find("menu-delete-self")).to_be_focused()
    bob.page.keyboard.press("ArrowUp")
    expect(bob.find("menu-delete-everyone")).to_be_focused()
    bob.page.keyboard.press("ArrowDown")
    expect(bob.find("menu-delete-self")).to_be_focused()
    bob.page.keyboard.press("Enter")
    bob.expect_texts(kept)
    expect(bob.conversation(a.username)).to_contain_text(kept)
    alice.expect_texts(kept, mine_alone)
    bob.page.reload()
    bob.open_conversation(a.username)
    bob.expect_texts(kept)
    bob.delete_for_everyone(kept)
    alice.expect_texts(mine_alone)


def test_typing_is_shown_and_goes(windows: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, bob), (a, b) = windows, pair
    alice.open_chat_of_friend(b.username)
    bob.open_chat_of_friend(a.username)
    expect(bob.find("typing")).to_be_hidden()
    alice.find("composer").press_sequentially("hm")
    expect(bob.find("typing")).to_have_text("typing…")
    expect(bob.find("typing")).to_be_hidden()


def test_the_dot_of_a_friend_goes_on_and_off(windows: tuple[Window, Window], rest: Web) -> None:
    alice, bob = windows
    a, b = friends(rest)
    send(rest, b, a)
    alice.sign_in(a)
    alice.open_conversation(b.username)
    in_list = alice.conversation(b.username).get_by_test_id("presence-dot")
    in_header = alice.page.locator("#chat").get_by_test_id("presence-dot")
    in_friends = alice.friend(b.username).get_by_test_id("presence-dot")
    for dot in (in_list, in_header, in_friends):
        expect(dot).to_have_attribute("data-online", "false")

    bob.sign_in(b)
    for dot in (in_list, in_header, in_friends):
        expect(dot).to_have_attribute("data-online", "true")
    expect(alice.find("chat-note")).to_have_text("online")

    bob.find("logout").click()
    for dot in (in_list, in_header, in_friends):
        expect(dot).to_have_attribute("data-online", "false", timeout=30_000)
    expect(alice.find("chat-note")).to_contain_text("last seen")


def test_pin_mute_and_hide_arrange_the_list(windows: tuple[Window, Window], rest: Web) -> None:
    one, _ = windows
    me, older = friends(rest)
    newer = new_user(rest)
    befriend(rest, me, newer)
    for sender, number in ((older, 1), (newer, 2)):
        for _ in range(number):
            send(rest, sender, me)
    for window in windows:
        window.sign_in(me)
        expect(window.page).to_have_title("(3) Messages")
        expect_list(window, newer, older)

    one.arrange(older.username, "menu-top")
    one.arrange(newer.username, "menu-mute")
    for window in windows:
        expect_list(window, older, newer)
        expect(window.conversation(newer.username)).to_have_class(re.compile("muted"))
        expect(window.page).to_have_title("(1) Messages")

    one.arrange(older.username, "menu-hide")
    for window in windows:
        expect_list(window, newer)
        expect(window.page).to_have_title("Messages")
    send(rest, older, me)
    for window in windows:
        expect_list(window, older, newer)
        expect(window.page).to_have_title("(2) Messages")


def test_older_history_appears_on_scrolling(windows: tuple[Window, Window], rest: Web) -> None:
    a, b = friends(rest)
    texts = [send(rest, b, a, f"number {number} of sixty")["content"] for number in range(1, 61)]
    answer(rest.post("/message/v1/read", {"conversation_id": conversation(a, b)}, a.token))
    alice, _ = windows
    alice.sign_in(a)
    alice.open_conversation(b.username)
    alice.expect_texts(*texts[-20:])
    expect(alice.find("message").last).to_be_in_viewport()
    for loaded in (40, 60):
        seen = alice.message(texts[-loaded + 20])
        alice.page.locator("#scroll").evaluate("scroll => { scroll.scrollTop = 0 }")
        alice.expect_texts(*texts[-loaded:])
        expect(seen).to_be_in_viewport()
    expect(alice.find("older")).to_be_hidden()


def test_a_chat_opens_where_reading_stopped(windows: tuple[Window, Window], rest: Web) -> None:
    (alice, _), (a, b) = windows, friends(rest)
    sent = [send(rest, b, a, f"number {number} of 150") for number in range(1, 151)]
    texts = [message["content"] for message in sent]
    upto = {"conversation_id": conversation(a, b), "message_id": sent[24]["id"]}
    answer(rest.post("/message/v1/read", upto, a.token))
    alice.sign_in(a)
    expect(alice.badge(b.username)).to_have_text("99+")
    alice.open_conversation(b.username)
    expect(alice.find("unread-line")).to_have_text("99+ unread")
    expect(alice.find("unread-line")).to_be_in_viewport()
    expect(alice.message(texts[25])).to_be_in_viewport()
    expect(alice.message(texts[-1])).not_to_be_in_viewport()
    expect(alice.find("jump-count")).to_have_text("99+")
    expect(alice.badge(b.username)).to_have_text("99+")

    with alice.page.expect_response("**/message/v1/read"):
        alice.find("jump").click()
    expect(alice.message(texts[-1])).to_be_in_viewport()
    expect(alice.badge(b.username)).to_be_hidden()
    expect(alice.find("jump")).to_be_hidden()
    alice.page.locator("#scroll").evaluate("scroll => { scroll.scrollTop = 0 }")
    expect(alice.find("jump")).to_be_visible()
    expect(alice.find("jump-count")).to_be_hidden()
    send(rest, b, a, "one more")
    expect(alice.find("jump-count")).to_have_text("1")
    expect(alice.find("jump")).to_have_accessible_name("Go to the newest message, 1 unread")
    alice.open_conversation(b.username)
    expect(alice.find("unread-line")).to_have_text("1 unread")


def test_after_a_cut_link_the_chat_is_exactly_right(windows: tuple[Window, Window], rest: Web) -> None:
    a, b = friends(rest)
    alice, _ = windows
    recalled, deleted, kept = [send(rest, b, a, text_of(what)) for what in ("recalled", "deleted", "kept")]
    own = send(rest, a, b, text_of("own"))
    alice.sign_in(a)
    alice.open_conversation(b.username)
    alice.expect_texts(*(message["content"] for message in (recalled, deleted, kept, own)))
    expect(alice.badge(b.username)).to_be_hidden()

    alice.cut_link()
    missed = [send(rest, b, a, text_of("missed")) for _ in range(3)]
    answer(rest.post("/message/v1/recall", {"message_id": recalled["id"]}, b.token))
    answer(rest.post("/message/v1/recall", {"message_id": missed[1]["id"]}, b.token))
    answer(rest.post("/message/v1/delete", {"message_id": deleted["id"]}, b.token))
    answer(rest.post("/message/v1/read", {"conversation_id": own["conversation_id"]}, b.token))
    last = send(rest, b, a, text_of("last"))

    alice.restore_link()
    stored = history(rest, a, conversation(a, b))
    assert [message["status"] for message in stored].count(4) == 2
    assert stored[-1]["content"] == last["content"]
    alice.expect_texts(*(RECALLED if message["status"] == 4 else message["content"] for message in stored))
    expect(alice.message(own["content"])).to_have_attribute("data-status", "3")
    expect(alice.badge(b.username)).to_be_hidden()
    expect(alice.page).to_have_title("Messages")


def test_a_long_absence_is_caught_up_without_a_hole(windows: tuple[Window, Window], rest: Web) -> None:
    """450 messages are more than a backlog and one page of sync bring."""
    a, b = friends(rest)
    alice, _ = windows
    before = send(rest, b, a, "before")
    alice.sign_in(a)
    alice.open_conversation(b.username)
    alice.expect_texts("before")

    alice.cut_link()
    texts = [send(rest, b, a, f"missed {number}")["content"] for number in range(450)]
    answer(rest.post("/message/v1/recall", {"message_id": before["id"]}, b.token))
    alice.restore_link()
    expect(alice.find("message")).to_have_count(451)
    expect(alice.find("message").first).to_have_attribute("data-status", "4")
    assert alice.find("message").locator(".text").all_text_contents()[1:] == texts
    expect(alice.badge(b.username)).to_be_hidden()


def test_a_truncated_backlog_is_acknowledged_once_synced(windows: tuple[Window, Window], rest: Web) -> None:
    """Without the ack no message above the hole would count as delivered."""
    (alice, bob), (a, b) = windows, friends(rest)
    texts = [send(rest, b, a, f"early {number}")["content"] for number in range(1, 231)]
    bob.sign_in(b)
    bob.open_conversation(a.username)
    expect(bob.message(texts[-1])).to_have_attribute("data-status", "1")
    alice.sign_in(a)
    expect(alice.badge(b.username)).to_have_text("99+")
    expect(bob.message(texts[-1])).to_have_attribute("data-status", "2")
    expect(bob.find("message").first).to_have_attribute("data-status", "2")


def expect_list(window: Window, *users: User) -> None:
    expect(window.find("conversation").locator(".name")).to_have_text([user.username for user in users])


def expect_order(window: Window, *texts: str) -> None:
    seqs = [int(window.message(text).get_attribute("data-seq") or 0) for text in texts]
    assert seqs == sorted(set(seqs)), f"{texts} have the seqs {seqs}"


def test_the_page_that_tries_calls_works_within_its_policy(browser: Browser, embedded: EmbeddedRun) -> None:
    window = Window(browser, embedded.url)
    window.page.goto("/docs")
    window.page.locator(".opblock").first.wait_for()
    window.page.locator(".opblock-summary", has_text="/user/v1/login").click()
    window.page.get_by_role("button", name="Try it out").click()
    window.page.locator("textarea.body-param__text").fill('{"username": "alice", "password": "not hers"}')
    window.page.get_by_role("button", name="Execute").click()
    expect(window.page.locator(".live-responses-table tbody .response-col_status")).to_contain_text("401")
    violations = [fault for fault in window.faults if "401 (UNAUTHORIZED)" not in fault]
    injected = window.page.evaluate(
        """() => { const script = document.createElement("script"); script.textContent = "window.ran = true";
        document.body.append(script); return window.ran === true }"""
    )
    window.context.close()
    assert violations == []
    assert injected is False
