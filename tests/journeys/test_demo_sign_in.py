"""Tests of the demo client's first page: an error is shown at the field that it is about."""

from playwright.sync_api import Browser, expect

from tests.journeys.window import Window
from tests.people import Web, answer, new_user
from tests.stack import Stack


def test_a_wrong_password_is_told_at_the_field(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    alice.expected_fault = "status of 401"
    user = new_user(rest)
    alice.find("username").fill(user.username)
    alice.find("password").fill("a wrong password")
    alice.find("sign-in").click()
    expect(alice.find("password")).to_have_accessible_description("Wrong username or password.")
    for field in ("username", "password"):
        expect(alice.find(field)).to_have_attribute("aria-invalid", "true")
    expect(alice.find("password")).to_be_focused()
    expect(alice.find("toast")).to_have_count(0)

    alice.find("password").fill("a long password")
    for field in ("username", "password"):
        expect(alice.find(field)).not_to_have_attribute("aria-invalid", "true")
    alice.find("sign-in").click()
    alice.expect_online()


def test_the_rules_are_told_before_and_faults_at_their_field(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    alice.expected_fault = "status of 4(00|09)"
    expect(alice.find("nickname")).to_be_hidden()
    alice.fill_in_registration("not a name", "a long password")
    name = alice.find("new-username")
    expect(name).to_have_accessible_description("3 to 32 letters a to z, digits, dots, underscores or hyphens")
    expect(alice.find("new-password")).to_have_accessible_description("8 to 128 characters")
    alice.find("register").click()
    expect(alice.find("new-username-error")).to_have_text(
        "Must be 3 to 32 letters, digits, dots, underscores or hyphens."
    )
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(alice.find("new-password")).not_to_have_attribute("aria-invalid", "true")

    name.fill(new_user(rest).username)
    expect(alice.find("new-username-error")).to_be_empty()
    alice.find("register").click()
    expect(alice.find("new-username-error")).to_have_text("This username is taken.")
    alice.find("to-sign-in").click()
    expect(alice.find("username")).to_be_focused()
    expect(alice.find("nickname")).to_be_hidden()


def test_that_nobody_answers_is_told_and_stays(windows: tuple[Window, Window]) -> None:
    alice, _ = windows
    alice.context.set_offline(True)
    alice.find("username").fill("somebody")
    alice.find("password").fill("a long password")
    alice.find("sign-in").click()
    expect(alice.find("sign-in-error")).to_have_text("The server cannot be reached.")


def test_without_demo_users_the_page_shows_none_and_no_error(browser: Browser, stack: Stack) -> None:
    window = Window(browser, stack.web_url)
    window.page.wait_for_load_state("networkidle")
    expect(window.find("sign-in")).to_be_visible()
    expect(window.page.locator("#demo-users")).to_be_hidden()
    window.context.close()
    assert window.faults == []
    assert answer(Web(stack.web_url).get("/demo.json")) == {"users": []}
