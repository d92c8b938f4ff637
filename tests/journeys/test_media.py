"""Tests of media on real processes, on a local disk and on S3: who gets and opens what, and what recalls take away."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from messaging.errors import Code
from tests import databases, media_files
from tests.device import Device
from tests.people import User, Web, answer, befriend, conversation, friends, history, new_group, new_user, send, upload
from tests.processes import wait_until
from tests.s3 import S3Server
from tests.servers import Databases, RedisServer
from tests.stack import Stack

Media = dict[str, Any]
Message = dict[str, Any]

PICTURE = media_files.picture("PNG", (640, 320))
UPLOADS = {
    "image": (2, PICTURE, {}),
    "voice": (3, media_files.recording("ogg", audio="libopus"), {}),
    "video": (4, media_files.recording("mp4", video="libx264", audio="aac"), {}),
    "file": (5, b"<!doctype html><script>alert(1)</script>", {"name": "报告.html"}),
}
MEASURED = {
    "image": {"width": 640, "height": 320},
    "voice": {"duration": pytest.approx(1, abs=0.2)},
    "video": {"width": 64, "height": 48, "duration": pytest.approx(1, abs=0.2)},
    "file": {"size": len(UPLOADS["file"][1])},
}


@dataclass(frozen=True)
class Place:
    """A deployment, and its doors."""

    stack: Stack
    web: Web

    def device(self, user: User) -> Device:
        """Returns a device of the user that has all that waited for it."""
        return Device(self.stack.realtime_urls[0], user.token).online()

    def open(self, media: Media, user: User | None = None, path: str = "") -> requests.Response:
        """Read an upload as a user does, or without a token by an address."""
        return self.web.get(path or f"/media/v1/{media['media_id']}", user.token if user else None)


@pytest.fixture(scope="module", params=["disk", "s3"])
def place(
    request: pytest.FixtureRequest, mariadb: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Yields a deployment that keeps its uploads on the local disk, and then one that keeps them in a bucket."""
    directory: Path = tmp_path_factory.mktemp(f"media-{request.param}")
    bucket: dict[str, str] = {}
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        bucket = server.create_bucket()
    redis = RedisServer(directory)
    redis.start()
    url = mariadb.create_database()
    databases.migrate(url)
    stack = Stack(url, redis.url, directory, **bucket)
    try:
        stack.start(media=1, beat=0, rpc=0)
        yield Place(stack, Web(stack.web_url))
    finally:
        stack.stop()
        redis.kill()


def say(place: Place, sender: User, recipient: User, media: Media, **fields: Any) -> Message:
    """Send an upload without a caption. Returns the Message."""
    kind = media["kind"]
    extra = {"media_id": media["media_id"]} | UPLOADS[kind][2] | fields
    return send(place.web, sender, recipient, "", message_type=UPLOADS[kind][0], extra=extra)


def came(device: Device, message: Message) -> Message:
    """Wait until a device has got a message. Returns it as it came."""
    found = [message]

    def has_come() -> bool:
        found[:] = [each for each in device.messages if each["id"] == message["id"]]
        return bool(found)

    device.wait(has_come, f"message {message['id']}")
    return found[0]


def recall(place: Place, user: User, message: Message) -> None:
    answer(place.web.post("/message/v1/recall", {"message_id": message["id"]}, user.token))


def refused(found: requests.Response) -> bool:
    return (found.status_code, found.json()["code"]) == (404, Code.NO_SUCH_MEDIA)


def test_each_kind_is_sent_received_opened_and_withdrawn(place: Place) -> None:
    web = place.web
    alice, bob = friends(web)
    stranger = new_user(web)
    media = {kind: upload(web, alice, data, kind) for kind, (_, data, _) in UPLOADS.items()}
    waiting = {kind: say(place, alice, bob, media[kind]) for kind in UPLOADS}
    of_bob = place.device(bob)
    live = {kind: say(place, alice, bob, media[kind]) for kind in UPLOADS}
    for kind, (message_type, data, named) in UPLOADS.items():
        for message in (waiting[kind], live[kind]):
            got = came(of_bob, message)
            assert (got["message_type"], got["content"]) == (message_type, "")
            assert got["extra"] == {"media_id": media[kind]["media_id"]} | named | MEASURED[kind]
        found = place.open(media[kind], bob)
        assert found.status_code == 200
        assert (len(found.content), sha256(found.content).hexdigest()) == (media[kind]["size"], media[kind]["sha256"])
        assert found.content == data or kind in ("voice", "video"), "of these the name of the encoder goes"
        shown = found.headers["Content-Disposition"].partition(";")[0]
        assert shown == ("attachment" if kind == "file" else "inline")
        assert found.headers["Content-Type"] == media[kind]["content_type"] != "text/html"
        assert refused(place.open(media[kind], stranger))
        assert refused(web.post("/media/v1/url", {"media_id": media[kind]["media_id"]}, stranger.token))
        assert place.open(media[kind]).status_code == 401
    stolen = {"to_user_id": bob.id, "message_type": 2, "extra": {"media_id": media["image"]["media_id"]}}
    befriend(web, stranger, bob)
    assert refused(web.post("/message/v1/send", stolen, stranger.token))
    for kind in UPLOADS:
        withdrawn_is_out_of_reach(place, alice, bob, media[kind], waiting[kind], live[kind])


def withdrawn_is_out_of_reach(place: Place, alice: User, bob: User, media: Media, *messages: Message) -> None:
    """Recall the one and delete the other of the two messages that carry an upload."""
    signed = answer(place.web.post("/media/v1/url", {"media_id": media["media_id"]}, bob.token))["media"]["url"]
    assert place.open(media, path=signed).status_code == 200
    recall(place, alice, messages[0])
    assert place.open(media, path=signed).status_code == 200, "another message carries it"
    answer(place.web.post("/message/v1/delete", {"message_id": messages[1]["id"]}, bob.token))
    for reader in (alice, bob):
        assert refused(place.open(media, reader))
    assert refused(place.open(media, path=signed))
    assert refused(place.open(media, path=media["url"])), "an address that its uploader got"


def test_a_thumbnail_is_for_those_who_see_the_picture(place: Place) -> None:
    web = place.web
    alice, bob = friends(web)
    stranger = new_user(web)
    media = upload(web, alice, PICTURE, "image")
    message = say(place, alice, bob, media)

    def described() -> Media:
        found: Media = answer(web.post("/media/v1/url", {"media_id": media["media_id"]}, bob.token))["media"]
        return found

    wait_until(lambda: described()["thumbnail_url"], "a thumbnail")
    signed = described()["thumbnail_url"]
    path = f"/media/v1/{media['media_id']}/thumbnail"
    for found in (place.open(media, bob, path), place.open(media, path=signed)):
        assert (found.status_code, found.headers["Content-Type"]) == (200, "image/webp")
        with Image.open(io.BytesIO(found.content)) as shown:
            assert shown.size == (320, 160)
    assert refused(place.open(media, stranger, path))
    recall(place, alice, message)
    for found in (place.open(media, alice, path), place.open(media, bob, path), place.open(media, path=signed)):
        assert refused(found)


def test_a_picture_is_answered_and_forwarded_across_devices(place: Place) -> None:
    web = place.web
    alice, bob = friends(web)
    carol, stranger = new_user(web), new_user(web)
    befriend(web, bob, carol)
    group = new_group(web, bob, carol)
    of_alice, also_of_alice = place.device(alice), place.device(alice)
    of_bob, of_carol = place.device(bob), place.device(carol)
    media = upload(web, alice, PICTURE, "image")
    original = say(place, alice, bob, media)

    reply = send(web, bob, alice, "nice", extra={"reply_to": original["id"]})
    told = {"id": original["id"], "seq": original["seq"], "from_user_id": alice.id, "message_type": 2}
    for device in (of_alice, also_of_alice, of_bob):
        got = came(device, reply)["reply"]
        assert {name: got[name] for name in told} == told
        assert got["content"] == "[图片]"

    to = [{"to_user_id": carol.id}, {"group_id": group["id"]}, {"to_user_id": stranger.id}]
    body = {"message_ids": [original["id"], reply["id"]], "to": to, "client_msg_id": "f"}
    found = answer(web.post("/message/v1/forward", body, bob.token))
    assert found["failed"] == [{"to_user_id": stranger.id, "code": Code.NOT_FRIENDS}]
    copies = found["messages"]
    assert [copy["message_type"] for copy in copies] == [2, 1, 2, 1]
    for copy in copies:
        for device in (of_bob, of_carol):
            got = came(device, copy)
            assert (got["extra"], got["reply"]) == (copy["extra"], None)
    for picture in (copies[0], copies[2]):
        origin = {"user_id": alice.id, "message_id": original["id"]}
        assert picture["extra"] == original["extra"] | {"forwarded_from": origin}
    assert place.open(media, carol).content == PICTURE

    recall(place, alice, original)
    shown = next(each for each in history(web, alice, conversation(alice, bob)) if each["id"] == reply["id"])
    assert shown["reply"] == {"id": original["id"], "status": 4}
    assert refused(place.open(media, alice)), "she is in none of the conversations in which it still is"
    assert place.open(media, carol).content == PICTURE
    repeat = answer(web.post("/message/v1/forward", body, bob.token))  # the status may have risen since
    assert [copy["id"] for copy in repeat["messages"]] == [copy["id"] for copy in copies]
    assert repeat["failed"] == [{"to_user_id": stranger.id, "code": Code.NO_SUCH_MESSAGE}]
    again = web.post("/message/v1/forward", body | {"client_msg_id": "g"}, bob.token)
    assert (again.status_code, again.json()["code"]) == (404, Code.NO_SUCH_MESSAGE)
    recall(place, bob, copies[0])
    assert place.open(media, carol).status_code == 200, "the group has it"
    recall(place, bob, copies[2])
    for reader in (alice, bob, carol):
        assert refused(place.open(media, reader))
