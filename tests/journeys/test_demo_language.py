"""Tests of the demo client's language: which is shown first, and that a change takes effect at once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.embedded_run import EmbeddedRun
from tests.journeys.window import RECALLED, Window, text_of
from tests.people import User, Web, answer, friends, new_user, send

CHINESE = {"lang": "zh-CN", "title": "消息", "sign-in": "登录"}
ENGLISH = {"lang": "en-GB", "title": "Messages", "sign-in": "Sign in"}


@pytest.fixture
def chinese(browser: Browser, embedded: EmbeddedRun) -> Iterator[Window]:
    """Yields a window of a user who reads Chinese."""
    window = Window(browser, embedded.url, locale="zh-CN")
    yield window
    window.context.close()
    assert window.faults == []


def expect_language(window: Window, language: dict[str, str]) -> None:
    expect(window.page.locator("html")).to_have_attribute("lang", language["lang"])
    expect(window.page).to_have_title(language["title"])
    expect(window.find("sign-in")).to_have_text(language["sign-in"])


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh-CN", CHINESE), ("zh-TW", CHINESE), ("en-US", ENGLISH), ("fr-FR", ENGLISH)],
)
def test_the_browsers_language_is_shown(
    browser: Browser, embedded: EmbeddedRun, locale: str, language: dict[str, str]
) -> None:
    window = Window(browser, embedded.url, locale=locale)
    expect_language(window, language)
    window.context.close()
    assert window.faults == []


@pytest.mark.parametrize(
    ("languages", "language"), [("['fr-FR', 'zh-TW', 'en']", CHINESE), ("['fr', 'EN-AU', 'zh']", ENGLISH)]
)
def test_the_first_known_of_several_languages_is_shown(
    windows: tuple[Window, Window], languages: str, language: dict[str, str]
) -> None:
    window, _ = windows
    window.page.add_init_script(f"Object.defineProperty(navigator, 'languages', {{ value: {languages} }})")
    window.page.reload()
    expect_language(window, language)


def test_switching_keeps_the_draft_the_chat_and_the_socket(windows: tuple[Window, Window], rest: Web) -> None:
    (alice, _), (a, b) = windows, friends(rest)
    sent = send(rest, a, b, text_of("sent"))
    alice.sign_in(a)
    alice.open_conversation(b.username)
    alice.find("composer").fill("half a thought")
    expect(alice.page.locator(".day")).to_have_text("Today")
    calls: list[str] = []
    alice.page.on("request", lambda request: calls.append(request.url))
    alice.page.on("websocket", lambda socket: calls.append(socket.url))

    alice.switch_language()
    expect(alice.page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(alice.page).to_have_title("消息")
    expect(alice.find("connection-state")).to_have_text("在线")
    expect(alice.find("tab-people")).to_have_text("联系人")
    expect(alice.page.locator(".day")).to_have_text("今天")
    expect(alice.conversation(b.username)).to_contain_text(f"我：{sent['content']}")
    expect(alice.message(sent["content"])).to_contain_text("已发送")
    expect(alice.find("composer")).to_have_attribute("placeholder", "输入消息")
    expect(alice.find("composer")).to_have_value("half a thought")
    alice.find("message-menu").click()
    expect(alice.find("menu-recall")).to_have_text("撤回")
    alice.page.keyboard.press("Escape")
    alice.expect_online()
    assert calls == []
    alice.find("send").click()
    expect(alice.message("half a thought")).to_have_attribute("data-mine", "true")

    alice.page.reload()
    expect(alice.find("connection-state")).to_have_text("在线")
    alice.find("logout").click()
    expect_language(alice, CHINESE)
    alice.switch_language()
    expect_language(alice, ENGLISH)
    alice.page.reload()
    expect_language(alice, ENGLISH)


def test_what_went_wrong_is_told_in_the_readers_language(chinese: Window, rest: Web) -> None:
    chinese.expected_fault = "status of (400|401|404)"
    user = new_user(rest)
    chinese.find("username").fill(user.username)
    chinese.find("password").fill("a wrong password")
    chinese.find("sign-in").click()
    expect(chinese.find("password-error")).to_have_text("用户名或密码错误。")
    chinese.switch_language()
    expect(chinese.find("password-error")).to_have_text("Wrong username or password.")
    chinese.switch_language()
    expect(chinese.find("password-error")).to_have_text("用户名或密码错误。")

    chinese.fill_in_registration("not a name", "a long password")
    chinese.find("register").click()
    expect(chinese.find("new-username-error")).to_have_text("须为 3 到 32 个字母、数字、点、下划线或连字符。")
    chinese.find("to-sign-in").click()

    a, b = friends(rest)
    sent = send(rest, a, b)
    chinese.sign_in(a)
    chinese.open_conversation(b.username)
    chinese.page.route("**/message/v1/recall", lambda route: route.fulfill(status=404, json={"code": 104001}))
    chinese.choose(sent["content"], "menu-recall")
    expect(chinese.find("toast")).to_have_text("此消息已不存在。")
    chinese.switch_language()
    expect(chinese.find("toast")).to_have_text("This message no longer exists.")


def test_an_error_newer_than_the_page_is_told_in_the_servers_words(chinese: Window, rest: Web) -> None:
    chinese.expected_fault = "status of 409"
    a, b = friends(rest)
    send(rest, b, a)
    chinese.sign_in(a)
    problem = {"code": 199999, "detail": "Too late for that."}
    chinese.page.route("**/conversation/update", lambda route: route.fulfill(status=409, json=problem))
    chinese.arrange(b.username, "menu-top")
    expect(chinese.find("toast")).to_have_text("服务器回答：Too late for that.")


def test_a_recalled_message_reads_in_each_ones_language(
    windows: tuple[Window, Window], chinese: Window, rest: Web
) -> None:
    (english, _), (a, b) = windows, friends(rest)
    sent = send(rest, a, b, text_of("regretted"))
    read_by(english, a, peer=b)
    read_by(chinese, b, peer=a)
    answer(rest.post("/message/v1/recall", {"message_id": sent["id"]}, a.token))
    for window, peer, recalled in ((english, b, RECALLED), (chinese, a, "此消息已撤回")):
        window.expect_texts(recalled)
        expect(window.conversation(peer.username).locator(".preview")).to_have_text(recalled)


def read_by(window: Window, user: User, *, peer: User) -> None:
    window.sign_in(user)
    window.open_conversation(peer.username)
    expect(window.find("message")).to_have_count(1)
