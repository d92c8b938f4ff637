"""Tests of friends in the demo client: their presence is shown live, and a click opens a chat."""

import re

from playwright.sync_api import expect

from tests.journeys.window import Window
from tests.people import User, Web, answer, conversation, friends, new_user, send


def test_requests_and_friends_are_shown_without_asking(windows: tuple[Window, Window], rest: Web) -> None:
    alice, bob = windows
    a, b = new_user(rest), new_user(rest)
    bob.page.clock.install()
    bob.page.reload()
    for window, user in ((alice, a), (bob, b)):
        window.sign_in(user)
    asked: list[str] = []
    bob.page.on("request", lambda request: asked.append(request.url) if "/friend/v1/" in request.url else None)
    bob.page.clock.run_for(30_000)
    assert asked == []

    request = answer(rest.post("/friend/v1/request", {"to_user_id": b.id}, a.token))
    expect(bob.find("tab-people")).to_have_text("People (1)")
    expect(bob.page.locator("#announcer")).to_have_text(f"{a.username} asks to be friends.")
    answer(rest.post("/friend/v1/handle", {"action": "accept", **request}, b.token))
    expect(bob.find("tab-people")).to_have_text("People")
    for window, other in ((alice, b), (bob, a)):
        expect(window.friend(other.username)).to_have_count(1)
        expect(window.friend(other.username).get_by_test_id("presence-dot")).to_have_attribute("data-online", "true")

    send(rest, b, a)
    alice.open_conversation(b.username)
    expect(alice.find("chat-note")).to_have_text("online")
    answer(rest.post("/friend/v1/delete", {"user_id": a.id}, b.token))
    for window, other in ((alice, b), (bob, a)):
        expect(window.friend(other.username)).to_have_count(0)
    for place in (alice.conversation(b.username), alice.page.locator("#chat")):
        expect(place.get_by_test_id("presence-dot")).to_have_attribute("data-online", "false")

    with bob.page.expect_request("**/friend/v1/list"):  # the frame `resync` says that frames may have been missed
        changed = {"conversation_id": conversation(a, b), "is_top": True}
        answer(rest.post("/message/v1/conversation/update", changed, b.token))


def test_who_is_blocked_has_no_dot_until_unblocked(windows: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, bob), (a, b) = windows, pair
    for window, other in ((alice, b), (bob, a)):
        window.open_chat_of_friend(other.username)
        expect(window.find("chat-note")).to_have_text("online")
    alice.find("tab-people").click()
    alice.page.get_by_label(f"More about {b.username}").click()
    alice.page.get_by_role("menuitem", name="Block").click()
    alice.find("confirm").click()
    expect(alice.find("blocked")).to_have_count(1)
    expect(alice.find("chat-note")).not_to_have_text("online")
    alice.find("blocked").get_by_role("button", name="Unblock").click()
    expect(alice.find("chat-note")).to_have_text("online")


def test_a_friends_chat_opens_beside_the_chats(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    a, b = friends(rest)
    alice.sign_in(a)
    alice.find("to-people").click()
    expect(alice.find("tab-people")).to_be_focused()
    alice.friend(b.username).click()
    expect(alice.find("tab-chats")).to_have_attribute("aria-selected", "true")
    alice.send("hello")
    expect(alice.conversation(b.username)).to_be_visible()


def test_the_page_has_one_first_heading_and_all_in_landmarks(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    a, b = friends(rest)
    send(rest, b, a)
    first = alice.page.get_by_role("heading", level=1)
    expect(first).to_have_count(1)
    alice.sign_in(a)
    expect(first).to_have_count(1)
    alice.open_conversation(b.username)
    expect(first).to_have_count(1)
    expect(alice.page.get_by_role("heading", name=b.username)).to_be_visible()
    alice.page.get_by_role("button", name="Conversation options").click()
    expect(alice.page.get_by_role("main").get_by_role("menu")).to_be_visible()


def test_initials_can_be_read_on_every_colour(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    alice.sign_in(new_user(rest))
    colours = alice.page.locator("#my-avatar").evaluate(
        "avatar => [0, 1, 2, 3, 4, 5].map(hue => { avatar.dataset.hue = hue;"
        " const { color, backgroundColor } = getComputedStyle(avatar); return [color, backgroundColor]; })"
    )
    assert len({background for _, background in colours}) == 6
    assert min(_contrast(*pair) for pair in colours) >= 4.5


def _contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of two colours `rgb(…)`, as WCAG 2.2 defines it."""
    darker, lighter = sorted(_luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
