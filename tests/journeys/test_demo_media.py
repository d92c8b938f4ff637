"""Tests of pictures, voice, video, files, replies and forwards in the demo client, on real uploads."""

import base64
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Route, expect

from tests import media_files
from tests.embedded_run import EmbeddedRun
from tests.journeys.window import NO_NETWORK, RECALLED, Window
from tests.people import User, Web, answer, befriend, conversation, friends, history, new_group, new_user, send

FORWARD = "**/message/v1/forward"
ADDRESS = "**/media/v1/url"
SLOW = 20_000  # bytes a second
MORE_THAN_A_PAGE = 30  # messages
NO_PICTURE: FilePayload = {"name": "page.png", "mimeType": "image/png", "buffer": b"<!doctype html><script>"}
COUNT_ADDRESSES = """() => {
    const { createObjectURL: create, revokeObjectURL: revoke } = URL;
    Object.assign(window, { altered: true, made: 0, given: new Set() });
    URL.createObjectURL = (file) => {
        const address = create(file);
        made += 1;
        given.add(address);
        return address;
    };
    URL.revokeObjectURL = (address) => given.delete(address) && revoke(address);
}"""
# Nothing waits, failed, is open or was changed by a script, and the chat is the last that was opened.
IS_AS_OPENED = """() => {
    const composing = "[data-testid=attachment], #replying:not([hidden]), #recording:not([hidden])";
    const left = document.querySelector(`dialog[open], [data-failed=true], ${composing}`);
    return !left && window.altered !== true && document.body.classList.contains("chat-open");
}"""
OPEN = re.compile("^(?!$)")  # an attribute that is there and not empty


@pytest.fixture
def phone(browser: Browser, embedded: EmbeddedRun) -> Iterator[Window]:
    """Yields a window of the size of a small phone, with Chinese texts."""
    window = Window(browser, embedded.url, locale="zh-CN", viewport={"width": 360, "height": 640}, has_touch=True)
    yield window
    window.context.close()
    assert window.faults == []


@pytest.fixture(scope="module")
def signed_in(browser: Browser, embedded: EmbeddedRun) -> Iterator[tuple[tuple[Window, Window], tuple[User, User]]]:
    """Yields two windows and the friends signed in in them. The tests of the module share them."""
    both, users = (Window(browser, embedded.url), Window(browser, embedded.url)), friends(Web(embedded.url))
    for window, user in zip(both, users, strict=True):
        window.page.on("dialog", lambda dialog: dialog.accept())
        window.sign_in(user)
    yield both, users
    for window in both:
        window.context.close()


@pytest.fixture
def pair(signed_in: tuple[tuple[Window, Window], tuple[User, User]]) -> tuple[User, User]:
    """Returns the two friends."""
    return signed_in[1]


@pytest.fixture
def chats(
    signed_in: tuple[tuple[Window, Window], tuple[User, User]], pair: tuple[User, User], rest: Web
) -> Iterator[tuple[Window, Window]]:
    """Yields the windows of two friends, each with their chat open, which is empty."""
    windows, _ = signed_in
    for user, peer in (pair, reversed(pair)):
        for message in stored(rest, user, peer):
            body = {"message_id": message["id"], "scope": "self"}
            answer(rest.post("/message/v1/delete", body, user.token))
    for window, peer in zip(windows, reversed(pair), strict=True):
        make_ready(window, peer)
    yield windows
    assert [window.faults for window in windows] == [[], []]


def make_ready(window: Window, peer: User) -> None:
    """Have the chat with a peer open, which is empty, and nothing else left of the test before."""
    window.expected_fault = NO_NETWORK
    if not window.page.evaluate(IS_AS_OPENED):
        window.page.reload()
        window.open_chat_of_friend(peer.username)
    window.expect_online()
    window.faults.clear()
    window.page.evaluate("document.querySelector('#toasts').replaceChildren()")
    expect(window.find("message")).to_have_count(0)


def png(name: str = "lake.png", size: tuple[int, int] = (640, 480)) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": media_files.picture("PNG", size)}


def document(size: int, name: str = "report.bin") -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": bytes(range(256)) * (size // 256)}


def film() -> FilePayload:
    content = media_files.recording("webm", video="libvpx", seconds=1)
    return {"name": "film.webm", "mimeType": "video/webm", "buffer": content}


def pick(window: Window, *files: FilePayload) -> None:
    """Pick files, and wait until all wait in the composer."""
    window.find("picker").set_input_files(list(files))
    expect(window.find("attachment")).to_have_count(len(files))


def send_files(window: Window, *files: FilePayload, caption: str = "") -> None:
    """Pick files and send them, the first with a caption."""
    pick(window, *files)
    window.find("composer").fill(caption)
    window.find("send").click()
    expect(window.find("attachment")).to_have_count(0)


def give(window: Window, event: str, target: str, *files: FilePayload) -> None:
    """Paste or drop files at an element of the page."""
    given = [(each["name"], each["mimeType"], base64.b64encode(each["buffer"]).decode()) for each in files]
    script = """([event, target, files]) => {
        const data = new DataTransfer();
        for (const [name, type, content] of files) {
            const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
            data.items.add(new File([bytes], name, { type }));
        }
        const how = { bubbles: true, cancelable: true };
        const told = event === "paste"
            ? new ClipboardEvent(event, { ...how, clipboardData: data })
            : new DragEvent(event, { ...how, dataTransfer: data });
        document.querySelector(target).dispatchEvent(told);
    }"""
    window.page.evaluate(script, [event, target, given])


class Network:
    """The network of a window: slow until it is cut or restored."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._session = window.context.new_cdp_session(window.page)
        self._limit(upload=SLOW)

    def cut(self) -> None:
        """Cut the window off, and wait until it shows that."""
        self._limit(offline=True)
        expect(self._window.find("connection-state")).not_to_have_attribute("data-state", "online")

    def restore(self) -> None:
        """Make it fast, and wait until the window is online."""
        self._limit()
        self._window.expect_online()

    def _limit(self, *, offline: bool = False, upload: int = -1) -> None:
        limits = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        self._session.send("Network.emulateNetworkConditions", limits)


def expect_some_sent(window: Window) -> None:
    """Wait until an upload has got on, but not to its end."""
    bar = window.find("upload-progress")
    expect(bar.first).to_be_visible()
    window.page.wait_for_function("() => document.querySelector('progress')?.value > 0.05")
    assert bar.first.evaluate("node => node.value") < 1


def stored(rest: Web, user: User, peer: User) -> list[dict[str, Any]]:
    return history(rest, user, conversation(user, peer))


def is_drawn(image: Locator) -> None:
    """Wait until an image is there, and whole."""
    expect(image).to_have_js_property("complete", True)
    image.evaluate("node => node.decode()")


def test_a_picture_is_shown_small_and_opened_large(
    chats: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, bob), (a, b) = chats, pair
    send_files(alice, png("one.png"), png("two.png", (300, 900)), caption="The lake")
    for window in chats:
        expect(window.find("picture")).to_have_count(2)
        for image in window.find("picture").locator("img").all():
            expect(image).to_have_attribute("src", OPEN)
            is_drawn(image)
    expect(alice.find("message").last).to_have_attribute("data-status", re.compile("^[23]$"))
    bob.expect_texts("The lake", "")
    assert [each["message_type"] for each in stored(rest, b, a)] == [2, 2]
    shown = bob.find("picture").nth(1).locator("img").evaluate("node => [node.width, node.height]")
    assert shown[0] < shown[1] <= 260, "upright, as it is"

    bob.find("picture").first.press("Enter")
    large = bob.find("viewer-image")
    is_drawn(large)
    assert large.evaluate("node => [node.naturalWidth, node.naturalHeight]") == [640, 480]
    expect(bob.find("viewer")).to_contain_text("The lake")
    bob.page.keyboard.press("ArrowRight")
    expect(bob.find("viewer-after")).to_be_disabled()
    bob.page.wait_for_function("() => document.querySelector('#viewer img').naturalHeight === 900")
    bob.page.keyboard.press("ArrowLeft")
    bob.page.wait_for_function("() => document.querySelector('#viewer img').naturalHeight === 480")
    bob.page.keyboard.press("Escape")
    expect(bob.find("viewer")).to_be_hidden()
    expect(bob.find("picture").first).to_be_focused()
    bob.page.reload()
    bob.open_conversation(a.username)
    expect(bob.find("picture").first.locator("img")).to_have_attribute("src", OPEN)


def test_files_are_pasted_and_dropped_and_taken_back(chats: tuple[Window, Window]) -> None:
    alice, bob = chats
    give(alice, "paste", "#text", png("pasted.png"))
    give(alice, "dragover", "#messages", png())
    expect(alice.page.locator("#chat")).to_have_class(re.compile("dropping"))
    give(alice, "drop", "#messages", png("dropped.png"), document(2_560, "notes.bin"))
    expect(alice.page.locator("#chat")).not_to_have_class(re.compile("dropping"))
    expect(alice.find("attachment")).to_have_count(3)
    alice.find("detach").nth(1).click()
    expect(alice.find("attachment")).to_contain_text(["pasted.png", "notes.bin"])
    give(alice, "drop", ".sidebar", png("beside.png"))
    alice.find("composer").press("Enter")
    expect(bob.find("picture")).to_have_count(1)
    expect(bob.find("file")).to_have_count(1)
    expect(bob.find("message")).to_have_count(2)
    expect(bob.find("file")).to_contain_text("3 kB")


def test_a_file_keeps_its_name_and_bytes(chats: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, bob), (a, _) = chats, pair
    sent = document(70_000, "Über uns / 计划‮.bin")
    send_files(alice, sent)
    expect(bob.find("file")).to_contain_text("Über uns _ 计划_.bin")
    with bob.page.expect_download() as begun:
        bob.find("file").click()
    assert begun.value.suggested_filename == "Über uns _ 计划_.bin"
    assert Path(begun.value.path()).read_bytes() == sent["buffer"]
    expect(bob.conversation(a.username)).to_contain_text("[File] Über uns _ 计划_.bin")


def test_a_video_plays_in_the_page(chats: tuple[Window, Window]) -> None:
    alice, bob = chats
    send_files(alice, film(), caption="Look")
    bob.expect_received("Look")
    small = bob.find("picture").locator("img")
    expect(small).to_have_attribute("src", re.compile("/thumbnail"))  # made before or after the message came
    is_drawn(small)
    bob.find("picture").click()
    video = bob.find("viewer-video")
    expect(video).to_be_visible()
    expect(video).to_have_js_property("videoWidth", 64)
    video.evaluate("node => node.play()")
    expect(video).to_have_js_property("ended", True)
    alice.choose("Look", "menu-recall")
    expect(bob.find("viewer")).to_be_hidden()
    bob.expect_texts(RECALLED)
    expect(bob.find("picture")).to_have_count(0)


def test_a_voice_message_is_recorded_in_the_page_and_played(
    chats: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, bob), (a, b) = chats, pair
    alice.find("record").click()
    expect(alice.find("composer")).to_be_hidden()
    alice.find("discard-recording").click()
    expect(alice.find("composer")).to_be_focused()

    alice.find("record").click()
    expect(alice.find("recording-time")).to_have_text("0:02")
    alice.find("send-recording").click()
    expect(bob.find("play")).to_be_visible()
    message = stored(rest, b, a)[0]
    assert message["message_type"] == 3
    assert 1 <= message["extra"]["duration"] <= 5
    levels = message["extra"]["custom"]["waveform"]
    assert len(levels) == 48
    assert max(levels) > 10, "the microphone beeps"
    expect(bob.conversation(a.username)).to_contain_text("[Voice]")

    bob.find("play").click()
    expect(bob.find("play")).to_have_attribute("data-playing", "true")
    bob.page.wait_for_function("() => document.querySelectorAll('.voice .played').length > 5")
    expect(bob.find("play")).to_have_attribute("data-playing", "false")


def test_an_upload_is_cancelled(chats: tuple[Window, Window], pair: tuple[User, User], rest: Web) -> None:
    (alice, bob), (a, b) = chats, pair
    alice.expected_fault = "ERR_ABORTED|ERR_FAILED"
    network = Network(alice)
    send_files(alice, document(500_000))
    expect_some_sent(alice)
    alice.send("meanwhile")
    bob.expect_received("meanwhile")
    with alice.page.expect_event("requestfailed", lambda request: request.url.endswith("/media/v1/upload")):
        alice.find("cancel-upload").click()
    network.restore()
    alice.expect_texts("meanwhile")
    send_files(alice, document(2_560, "next.bin"))
    expect(bob.find("file")).to_contain_text("next.bin")
    assert len(stored(rest, a, b)) == 2


def test_an_upload_goes_on_after_a_lost_connection(
    chats: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, bob), (a, b) = chats, pair
    network = Network(alice)
    sent = document(400_000)
    send_files(alice, sent, png(), caption="twice begun")
    expect_some_sent(alice)
    network.cut()
    expect(alice.find("upload-progress").first).to_have_js_property("value", 0)
    network.restore()
    bob.expect_received("twice begun")
    expect(bob.find("picture")).to_have_count(1)
    expect(alice.find("upload-progress")).to_have_count(2)
    expect(alice.page.locator("progress:visible")).to_have_count(0)
    assert [each["extra"].get("size") for each in stored(rest, a, b)] == [len(sent["buffer"]), None]
    expect(alice.find("toast")).to_have_count(0)


def test_what_is_no_picture_is_refused_and_what_is_too_large_is_not_taken(
    chats: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, _), (a, b) = chats, pair
    alice.expected_fault = "status of 415"
    alice.page.evaluate(COUNT_ADDRESSES)
    send_files(alice, NO_PICTURE, caption="mine")
    expect(alice.message("mine")).to_have_attribute("data-failed", "true")
    expect(alice.find("toast")).to_have_text("This file is not of a kind that can be sent so.")
    alice.page.wait_for_function("() => made === 2 && given.size === 0")
    alice.message("mine").get_by_test_id("retry").click()
    expect(alice.message("mine")).to_have_attribute("data-failed", "true")
    alice.message("mine").get_by_test_id("discard").click()
    expect(alice.find("message")).to_have_count(0)

    large = """() => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(100 * 1024 * 1024 + 1)], "large.bin"));
        const picker = document.querySelector("#picker");
        picker.files = data.files;
        picker.dispatchEvent(new Event("change"));
    }"""
    alice.page.evaluate(large)
    expect(alice.find("toast").last).to_have_text("The file is too large or too long.")
    expect(alice.find("attachment")).to_have_count(0)
    assert stored(rest, a, b) == []


def test_a_reply_quotes_and_leads_to_what_it_answers(windows: tuple[Window, Window], rest: Web) -> None:
    (alice, bob), (a, b) = windows, friends(rest)
    asked = send(rest, a, b, "Which way?")
    for number in range(MORE_THAN_A_PAGE):
        send(rest, a, b, f"step {number}")
    answer(rest.post("/message/v1/read", {"conversation_id": conversation(a, b)}, a.token))  # else all of it is loaded
    answered = send(rest, b, a, "Left", extra={"reply_to": asked["id"]})
    alice.sign_in(a)
    bob.sign_in(b)
    alice.open_conversation(b.username)
    expect(alice.message("Left").get_by_test_id("quote")).to_have_text(re.compile("Which way\\?$"))
    expect(alice.page.locator(f'[data-seq="{asked["seq"]}"]')).to_have_count(0)
    alice.message("Left").get_by_test_id("quote").click()
    original = alice.page.locator(f'[data-seq="{asked["seq"]}"]')
    expect(original).to_be_in_viewport()
    expect(original).to_be_focused()
    alice.find("jump").click()

    bob.open_conversation(a.username)
    bob.choose("Left", "menu-reply")
    expect(bob.find("replying")).to_contain_text("Left")
    bob.find("composer").press("Escape")
    expect(bob.find("replying")).to_be_hidden()
    bob.choose("Left", "menu-reply")
    bob.send("No, right")
    expect(bob.find("replying")).to_be_hidden()
    quoted = alice.message("No, right").get_by_test_id("quote")
    expect(quoted).to_contain_text("Left")
    assert stored(rest, a, b)[-1]["extra"]["reply_to"] == answered["id"]
    bob.message("Left").first.get_by_test_id("message-menu").click()
    bob.find("menu-recall").click()
    expect(quoted).to_have_text(RECALLED)
    expect(quoted).to_be_disabled()


def test_a_picture_is_answered_by_a_picture(chats: tuple[Window, Window]) -> None:
    alice, bob = chats
    send_files(alice, png())
    bob.find("message").first.get_by_test_id("message-menu").click()
    bob.find("menu-reply").click()
    expect(bob.find("replying")).to_contain_text("[Picture]")
    send_files(bob, png(), caption="And mine")
    for window in chats:
        expect(window.message("And mine").get_by_test_id("quote")).to_contain_text("[Picture]")
    alice.message("And mine").get_by_test_id("quote").click()
    expect(alice.find("message").first).to_be_focused()


def test_a_message_is_forwarded_to_several(windows: tuple[Window, Window], rest: Web) -> None:
    alice, bob = windows
    ann, ben, cleo = (new_user(rest, name) for name in ("Ann", "Ben", "Cleo"))
    for other in (ben, cleo):
        befriend(rest, ann, other)
    group = new_group(rest, ann, ben, name="Climbing")
    alice.sign_in(ann)
    bob.sign_in(ben)
    alice.open_chat_of_friend("Ben")
    bob.open_chat_of_friend("Ann")
    send_files(alice, png(), caption="forwarded")
    bob.expect_received("forwarded")

    bob.choose("forwarded", "menu-forward")
    expect(bob.find("forward")).to_be_disabled()
    bob.page.get_by_role("checkbox", name="Climbing").check()
    bob.find("forward-filter").fill("an")
    expect(bob.page.get_by_role("checkbox", name="Climbing")).to_be_hidden()
    bob.page.get_by_role("checkbox", name="Ann").check()
    bob.find("forward").click()
    expect(bob.find("toast")).to_have_text("Forwarded")
    expect(alice.message("forwarded")).to_have_count(2)
    expect(alice.message("forwarded").last.get_by_test_id("forwarded")).to_have_text("Forwarded from Ann")
    alice.open_conversation("Climbing")
    copy = alice.message("forwarded")
    expect(copy.get_by_test_id("picture").locator("img")).to_have_attribute("src", OPEN)
    assert history(rest, ann, group["conversation_id"])[-1]["extra"]["forwarded_from"]["user_id"] == ann.id

    answer(rest.post("/friend/v1/delete", {"user_id": ann.id}, cleo.token))
    alice.choose("forwarded", "menu-forward")
    alice.page.get_by_role("checkbox", name="Climbing").check()
    answer(rest.post("/group/v1/dissolve", {"group_id": group["id"]}, ann.token))
    alice.find("forward").click()
    expect(alice.find("toast")).to_contain_text(["This group was dissolved."])


def test_a_forward_whose_answer_was_lost_is_tried_again_with_other_targets(
    chats: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, _), (a, b) = chats, pair
    groups = [new_group(rest, a, b, name=name) for name in ("First", "Second")]
    alice.page.reload()
    alice.open_chat_of_friend(b.username)
    alice.send("once")
    alice.expected_fault = "ERR_FAILED"
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort()

    alice.page.route(FORWARD, lose)
    alice.choose("once", "menu-forward")
    for name in ("First", "Second"):
        alice.page.get_by_role("checkbox", name=name).check()
    with alice.page.expect_event("requestfailed"):
        alice.find("forward").click()
    expect(alice.find("forward-error")).not_to_be_empty()
    assert lost == [200]
    alice.page.unroute(FORWARD)
    alice.page.locator("#forward-to input:checked").last.uncheck()
    alice.page.get_by_role("checkbox", name=b.username).check()
    alice.find("forward").click()
    expect(alice.find("toast")).to_have_text("Forwarded")
    expect(alice.message("once")).to_have_count(2)
    found = [history(rest, a, group["conversation_id"]) for group in groups]
    assert [each["content"] for each in chain(*found) if each["message_type"]] == ["once"]


def test_addresses_may_be_forgotten_while_they_are_asked_for(
    chats: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    alice, bob = chats
    send_files(alice, png(), caption="lake")
    bob.expect_received("lake")
    bob.expected_fault = "ERR_FAILED"
    is_drawn(bob.find("picture").locator("img"))
    bob.page.route(ADDRESS, lambda route: route.abort(), times=1)
    script = """async (id) => {
        const { addressesOf, forgetAddresses } = await import("/static/addresses.js");
        forgetAddresses(id);
        const lost = addressesOf(id);
        forgetAddresses(id);
        const asked = addressesOf(id);
        const error = await lost.catch((error) => error);
        const isHeld = addressesOf(id) === asked;
        forgetAddresses(id);
        return { status: error.status, isHeld, id: (await asked).media_id };
    }"""
    (message,) = stored(rest, *pair)
    media_id = message["extra"]["media_id"]
    assert bob.page.evaluate(script, media_id) == {"status": 0, "isHeld": True, "id": media_id}


def test_leaving_the_page_is_asked_about_while_files_would_be_lost(
    chats: tuple[Window, Window], pair: tuple[User, User]
) -> None:
    (alice, _), (_, b) = chats, pair
    alice.expected_fault = "status of 415"
    asked: list[str] = []
    alice.page.on("dialog", lambda dialog: asked.append(dialog.type))
    send_files(alice, NO_PICTURE, caption="mine")
    expect(alice.message("mine")).to_have_attribute("data-failed", "true")
    alice.page.reload()
    assert asked == ["beforeunload"], "a failed message holds its file"
    alice.open_chat_of_friend(b.username)
    pick(alice, png())
    alice.page.reload()
    assert asked == ["beforeunload"] * 2, "a file waits in the composer"
    alice.open_chat_of_friend(b.username)
    pick(alice, png())
    alice.find("detach").click()
    alice.page.reload()
    assert asked == ["beforeunload"] * 2


def test_the_microphone_is_off_when_a_recording_cannot_begin(chats: tuple[Window, Window]) -> None:
    alice, _ = chats
    script = """() => {
        const devices = navigator.mediaDevices;
        window.altered = true;
        const ask = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (what) => (window.stream = await ask(what));
        window.AudioContext = class { constructor() { throw new DOMException("none is left", "NotSupportedError"); } };
    }"""
    alice.page.evaluate(script)
    alice.find("record").click()
    expect(alice.find("toast")).to_be_visible()
    assert alice.page.evaluate("stream.getTracks().map((track) => track.readyState)") == ["ended"]
    expect(alice.find("composer")).to_be_visible()


def test_addresses_are_links_and_nothing_else_is(chats: tuple[Window, Window]) -> None:
    alice, _ = chats
    alice.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = (
        "See https://example.org/a_(b)?x=1#y, (http://127.0.0.1/z) javascript:alert(1) ftp://x.y 看https://例子.cn/路。"
    )
    alice.send(text)
    links = alice.message("See").locator("a")
    expect(links).to_have_text(["https://example.org/a_(b)?x=1#y", "http://127.0.0.1/z", "https://例子.cn/路"])
    for link in links.all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert link.get_attribute("target") == "_blank"
    alice.expect_texts(text)
    alice.choose("See", "menu-copy")
    expect(alice.find("toast")).to_have_text("Copied")
    assert alice.page.evaluate("navigator.clipboard.readText()") == text


def test_a_phone_has_room_for_all_of_it(phone: Window, rest: Web) -> None:
    user, peer = friends(rest)
    asked = send(rest, peer, user, "https://example.org/" + "long" * 80)
    send(rest, peer, user, "yes", extra={"reply_to": asked["id"]})
    phone.sign_in(user)
    phone.open_conversation(peer.username)
    send_files(phone, png("长" * 60 + ".png", (4_000, 300)), document(2_560, "名" * 90 + ".bin"), caption="图")
    expect(phone.find("file")).to_be_visible()
    phone.find("record").click()
    expect(phone.find("recording-time")).to_have_text("0:01")
    phone.find("send-recording").click()
    expect(phone.find("play")).to_be_enabled()
    pick(phone, png("长" * 60 + ".png"), document(2_560))
    phone.message("yes").get_by_test_id("message-menu").click()
    expect(phone.page.get_by_role("menuitem").first).to_have_text("回复")
    phone.find("menu-reply").click()
    for testid in ("attach", "composer", "record", "send", "cancel-reply"):
        expect(phone.find(testid)).to_be_in_viewport(ratio=1)
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert phone.page.evaluate("(one => one.scrollWidth <= one.clientWidth)(document.querySelector('#scroll'))")
