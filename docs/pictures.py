"""Takes docs/chat.png and docs/chat.zh.png anew: `.venv/bin/python -m docs.pictures`.

The pictures show Alice's window on the embedded service while Bob types. It needs Chromium and a Chinese font (on
Debian: fonts-noto-core and fonts-noto-cjk).
"""

import contextlib
import io
import math
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, expect, sync_playwright

from tests import media_files
from tests.device import Device
from tests.embedded_run import EmbeddedRun
from tests.journeys.window import ARGUMENTS, CHROMIUM, Window
from tests.people import User, Web, answer, befriend, conversation, new_user, send, upload

DOCS = Path(__file__).resolve().parent
SIZE = {"width": 1200, "height": 800}
PICTURE, SPOKEN, REPLY = 2, 6, 7  # the places in a chat of the picture, of the voice message, and of the answer to it
SPOKEN_SECONDS = 7
O_CLOCK = 10  # the hour in Alice's window, whenever this runs, so that the recent messages are all of one day


@dataclass(frozen=True, slots=True)
class Scene:
    """The conversations in one language: `chat` holds the sender, the age in minutes and the text of each message.

    The text of the picture is its caption, and the voice message has none. `recalled` is the index in `chat` of the
    message that Alice recalls; `others` holds name, age and texts of each.
    """

    picture: str
    locale: str
    chat: list[tuple[str, int, str]]
    recalled: int
    others: list[tuple[str, int, list[str]]]  # the newest first
    draft: str


SCENES = [
    Scene(
        "chat.png",
        "en-GB",
        [
            ("bob", 1100, "Are we still on for the hike on Saturday?"),
            ("alice", 1096, "Of course. They promise sun all day."),
            ("bob", 48, "I found a trail along the lake, with a café half way."),
            ("bob", 47, "The early train leaves at 7:40."),
            ("alice", 41, "7:40? On a Saturday?"),
            ("alice", 40, "Without me then"),
            ("bob", 38, ""),
            ("alice", 36, "7:40 it is. I'll bring the coffee."),
            ("bob", 12, "Deal! And I'll bring the map, and another one for when we have lost the first."),
            ("alice", 9, "Very wise."),
            ("alice", 2, "Meet at platform 3?"),
        ],
        5,
        [
            ("Carol", 6, ["The photos of the party are up", "You have to see number 12"]),
            ("Dave", 65, ["Thanks, that fixed it!"]),
            ("Mei", 1010, ["See you on Monday"]),
            ("Uncle Theo", 1300, ["I have a new phone, is this you?"]),
            ("Frances", 4500, ["Chapter nine until Thursday, please"]),
        ],
        "And who has the tickets",
    ),
    Scene(
        "chat.zh.png",
        "zh-CN",
        [
            ("bob", 1100, "周六还去爬山吗？"),
            ("alice", 1096, "当然去，天气预报说全天晴。"),
            ("bob", 48, "我找到一条沿湖的路线，十一公里，半路还有一家咖啡馆。"),
            ("bob", 47, "早班车七点四十开。"),
            ("alice", 41, "七点四十？周六？"),
            ("alice", 40, "那我不去了"),
            ("bob", 38, ""),
            ("alice", 36, "那就七点四十。咖啡我来带。"),
            ("bob", 12, "一言为定！地图我来带，再备一份，第一份丢了也不怕。"),
            ("alice", 9, "想得真周到。"),
            ("alice", 2, "三号站台见？"),
        ],
        5,
        [
            ("小林", 6, ["聚会的照片传好了", "第十二张你一定要看"]),
            ("王芳", 65, ["谢谢，已经修好了！"]),
            ("Dave", 1010, ["周一见"]),
            ("舅舅", 1300, ["我换了新手机，是你吗？"]),
            ("刘老师", 4500, ["周四之前请读完第九章"]),
        ],
        "车票在谁那里",
    ),
]


def main() -> None:
    """Take each picture on a service of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for scene in SCENES:
            with _service() as service:
                _take(browser, service, scene)
        browser.close()


@contextlib.contextmanager
def _service() -> Iterator[EmbeddedRun]:
    with tempfile.TemporaryDirectory() as directory:
        service = EmbeddedRun(Path(directory))
        service.start()
        try:
            yield service
        finally:
            service.stop()


def _take(browser: Browser, service: EmbeddedRun, scene: Scene) -> None:
    web = Web(service.url)
    alice, bob = (_signed_in(web, name) for name in ("alice", "bob"))
    others = [new_user(web, name) for name, _, _ in scene.others]
    with contextlib.ExitStack() as devices:
        bobs, *_ = (_online(devices, service, user) for user in (bob, others[0], others[2]))
        _grow_old(service, _write(web, alice, others, scene) | _talk(web, alice, bob, scene))
        window = Window(browser, service.url, locale=scene.locale, viewport=SIZE, timezone_id=_timezone())
        window.sign_in_as("alice")
        window.open_conversation("Bob")
        window.find("composer").fill(scene.draft)
        window.page.mouse.move(SIZE["width"] // 2, 10)  # where no hover effect shows
        expect(window.find("message")).to_have_count(len(scene.chat))
        expect(window.find("message").last).to_have_attribute("data-status", "2")
        expect(window.find("picture").locator("img")).to_have_attribute("src", re.compile("/thumbnail"))
        bobs.say("typing", {"conversation_id": conversation(alice, bob)})
        expect(window.find("typing")).to_be_visible()
        window.page.screenshot(path=DOCS / scene.picture)
        window.context.close()


def _online(devices: contextlib.ExitStack, service: EmbeddedRun, user: User) -> Device:
    return devices.enter_context(contextlib.closing(Device(service.url, user.token))).online()


def _signed_in(web: Web, name: str) -> User:
    found = answer(web.post("/user/v1/login", {"username": name, "password": "demo-password"}))
    return User(found["user"]["id"], name, found["access_token"], found["refresh_token"])


def _talk(web: Web, alice: User, bob: User, scene: Scene) -> dict[int, int]:
    """Send Alice's and Bob's messages. Returns the age in minutes that each message id is to have."""
    directions = {"alice": (alice, bob), "bob": (bob, alice)}
    sent: list[int] = []
    for place, (who, _, text) in enumerate(scene.chat):
        fields = _fields(web, directions[who][0], place, sent)
        sent.append(send(web, *directions[who], text, **fields)["id"])
    answer(web.post("/message/v1/recall", {"message_id": sent[scene.recalled]}, alice.token))
    _read(web, alice, conversation(alice, bob))
    _read(web, bob, conversation(alice, bob), message_id=sent[-2])
    return {message_id: ago for message_id, (_, ago, _) in zip(sent, scene.chat, strict=True)}


def _fields(web: Web, sender: User, place: int, sent: list[int]) -> dict[str, Any]:
    """Returns what the message at a place of the chat has besides its text."""
    if place == PICTURE:
        media = upload(web, sender, _lake(), "image")
        return {"message_type": 2, "extra": {"media_id": media["media_id"]}}
    if place == SPOKEN:
        media = upload(web, sender, media_files.recording("webm", audio="libopus", seconds=SPOKEN_SECONDS), "voice")
        waveform = [round(abs(math.sin(at * 0.7) * math.sin(at * 0.23)) * 90) for at in range(48)]
        return {"message_type": 3, "extra": {"media_id": media["media_id"], "custom": {"waveform": waveform}}}
    return {"extra": {"reply_to": sent[SPOKEN]}} if place == REPLY else {}


def _lake() -> bytes:
    """Returns a picture of hills, a lake and a sun."""
    width, height, shore = 1_200, 520, 330
    image = Image.new("RGB", (width, height), "#cfe6f2")
    draw = ImageDraw.Draw(image)
    draw.ellipse((880, 60, 980, 160), fill="#ffe08a")
    for colour, top, length in (("#8fb3a5", 150, 190), ("#5f8f7d", 220, 130), ("#3d6b5b", 270, 90)):
        ridge = [(x, top + 55 * math.sin(x / length) + 18 * math.sin(x / 41)) for x in range(0, width + 1, 5)]
        draw.polygon([*ridge, (width, shore), (0, shore)], fill=colour)
    draw.rectangle((0, shore, width, height), fill="#5d9cc0")
    for y in range(shore + 12, height, 16):
        draw.line((0, y, width, y), fill="#6dabce", width=3)
    draw.polygon([(0, height), (0, 430), (420, 475), (720, height)], fill="#e6d3a3")
    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def _write(web: Web, alice: User, others: list[User], scene: Scene) -> dict[int, int]:
    """Send the others' messages, the newest last, and read all but the newest other's. Returns ages like `_talk`."""
    ages: dict[int, int] = {}
    for other, (_, ago, texts) in reversed(list(zip(others, scene.others, strict=True))):
        befriend(web, other, alice)
        ages |= {send(web, other, alice, text)["id"]: ago for text in texts}
        if other is not others[0]:
            _read(web, alice, conversation(other, alice))
    return ages


def _read(web: Web, user: User, conversation_id: str, **upto: int) -> None:
    answer(web.post("/message/v1/read", {"conversation_id": conversation_id} | upto, user.token))


def _grow_old(service: EmbeddedRun, ages: dict[int, int]) -> None:
    """Move messages back in time by their ages in minutes, to spare the wait."""
    with contextlib.closing(sqlite3.connect(service.var / "im.db", timeout=30)) as database, database:
        for message_id, minutes in ages.items():
            moved = "UPDATE im_message SET create_time = datetime(create_time, ?) WHERE id = ?"
            database.execute(moved, (f"-{minutes} minutes", message_id))


def _timezone() -> str:
    """Returns a time zone in which it is about O_CLOCK now. The sign in such a name counts westwards."""
    ahead = (O_CLOCK - time.gmtime().tm_hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead:+d}"


if __name__ == "__main__":
    main()
