"""Tests that uploads are read by those who may, whole and in parts, from a directory and from S3."""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
import requests

from tests.described import DescribedWeb, Description
from tests.people import User, Web, answer, friends, new_user, send
from tests.processes import wait_until
from tests.s3 import S3Server, client
from tests.stack import Stack
from tests.uploads import Uploads

DATA = os.urandom(150_000)  # more than two pieces
LARGE = os.urandom(32 * 1024 * 1024)
SMALL = b"RIFF, a thumbnail"
CSP = "default-src 'none'; sandbox"


@dataclass(frozen=True)
class Door:
    """A REST door, its process, and the uploads that it gives."""

    web: Web
    process: psutil.Process
    uploads: Uploads


def _door(stack: Stack, description: Description, settings: dict[str, str]) -> Door:
    found = stack.add("web", RATE_LIMITS="0", **settings)
    uploads = Uploads(stack.database_url, settings)
    return Door(DescribedWeb(found.url, description), psutil.Process(found.pid), uploads)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def on_disk(stack: Stack, description: Description, tmp_path_factory: pytest.TempPathFactory) -> Door:
    """Returns a door whose uploads lie in a directory."""
    settings = {"MEDIA_STORAGE": str(tmp_path_factory.mktemp("media")), "MEDIA_REDIRECT": "1"}  # where to, it has not
    return _door(stack, description, settings)


@pytest.fixture(scope="module")
def in_s3(stack: Stack, description: Description, s3: S3Server) -> Door:
    """Returns a door whose uploads lie in a bucket."""
    return _door(stack, description, s3.create_bucket())


@pytest.fixture(params=["on_disk", "in_s3"])
def door(request: pytest.FixtureRequest) -> Door:
    """Run the test twice, with a directory and with a bucket."""
    found: Door = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def people(on_disk: Door) -> tuple[User, User, User]:
    """Returns two friends and a stranger."""
    return *friends(on_disk.web), new_user(on_disk.web)


def path(media_id: str) -> str:
    return f"/media/v1/{media_id}"


def described(door: Door, user: User, media_id: str) -> dict[str, Any]:
    found: dict[str, Any] = answer(door.web.post("/media/v1/url", {"media_id": media_id}, user.token))["media"]
    return found


def refused(found: requests.Response, status: int, code: int) -> None:
    assert (found.status_code, found.json()["code"]) == (status, code)
    assert found.headers["Cache-Control"] == "no-store"


def test_both_users_read_it_and_a_stranger_does_not(door: Door, people: tuple[User, User, User]) -> None:
    alice, bob, carol = people
    media_id = door.uploads.add(alice.id, DATA, thumbnail=SMALL)
    refused(door.web.get(path(media_id), bob.token), 404, 105001)
    assert door.web.get(path(media_id), alice.token).content == DATA
    door.uploads.carry(media_id, alice, bob)
    for user in (alice, bob):
        found = door.web.get(path(media_id), user.token)
        assert (found.status_code, found.content) == (200, DATA)
        assert door.web.get(f"{path(media_id)}/thumbnail", user.token).content == SMALL
    for call in (path(media_id), f"{path(media_id)}/thumbnail", path("0" * 32), path("x"), path("a" * 500)):
        refused(door.web.get(call, carol.token), 404, 105001)
    refused(door.web.post("/media/v1/url", {"media_id": media_id}, carol.token), 404, 105001)


def test_headers_let_nothing_run_and_nothing_be_shared(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = door.uploads.add(alice.id, DATA, thumbnail=SMALL)
    found = door.web.get(path(media_id), alice.token).headers
    assert (found["Content-Type"], found["Content-Disposition"]) == ("image/png", "inline")
    assert (found["Content-Security-Policy"], found["X-Content-Type-Options"]) == (CSP, "nosniff")
    assert (found["Cache-Control"], found["Accept-Ranges"]) == ("private, max-age=3600", "bytes")
    assert (found["Content-Length"], found["Referrer-Policy"]) == (str(len(DATA)), "no-referrer")
    found = door.web.get(f"{path(media_id)}/thumbnail", alice.token).headers
    assert (found["Content-Type"], found["Content-Disposition"]) == ("image/webp", "inline")
    assert (found["Content-Security-Policy"], found["Content-Length"]) == (CSP, str(len(SMALL)))


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/html", "image/svg+xml", "application/pdf"])
def test_what_is_no_safe_picture_is_saved_and_not_shown(
    on_disk: Door, people: tuple[User, User, User], content_type: str
) -> None:
    alice, *_ = people
    found = on_disk.web.get(path(on_disk.uploads.add(alice.id, b"<script>", content_type)), alice.token)
    assert found.headers["Content-Disposition"] == "attachment"
    assert found.headers["Content-Type"].startswith(content_type)
    assert found.headers["Content-Security-Policy"] == CSP


def test_an_upload_is_described(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    plain, with_thumbnail = door.uploads.add(alice.id, DATA), door.uploads.add(alice.id, b"y", thumbnail=SMALL)
    found = described(door, alice, plain)
    assert (found["media_id"], found["kind"], found["size"], found["expires_in"]) == (plain, "image", len(DATA), 3600)
    assert (found["content_type"], found["thumbnail_url"], found["duration"]) == ("image/png", None, None)
    assert len(found["sha256"]) == 64
    assert described(door, alice, with_thumbnail)["thumbnail_url"].startswith(f"{path(with_thumbnail)}/thumbnail?")


def test_a_signed_address_is_good_for_anybody(door: Door, people: tuple[User, User, User]) -> None:
    alice, bob, _ = people
    media_id = door.uploads.add(alice.id, DATA, thumbnail=SMALL)
    before = described(door, alice, media_id)
    assert door.web.get(before["url"]).content == DATA
    door.uploads.carry(media_id, alice, bob)
    assert door.web.get(before["url"]).content == DATA
    assert door.web.get(before["thumbnail_url"]).content == SMALL
    expires = int(parse_qs(urlsplit(before["url"]).query)["expires"][0])
    assert 3590 < expires - time.time() < 3610


def test_recall_ends_every_address_at_once(door: Door, people: tuple[User, User, User]) -> None:
    alice, bob, _ = people
    media_id = door.uploads.add(alice.id, DATA, thumbnail=SMALL)
    door.uploads.carry(media_id, alice, bob)
    before = described(door, bob, media_id)
    door.uploads.withdraw(media_id)
    for url in (before["url"], before["thumbnail_url"]):
        refused(door.web.get(url), 404, 105001)
    for user in (alice, bob):
        refused(door.web.get(path(media_id), user.token), 404, 105001)
        refused(door.web.post("/media/v1/url", {"media_id": media_id}, user.token), 404, 105001)


def test_a_signature_is_of_one_address_alone(on_disk: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id, other = (on_disk.uploads.add(alice.id, DATA, thumbnail=SMALL) for _ in range(2))
    url = urlsplit(described(on_disk, alice, media_id)["url"])
    expires, signature = (parse_qs(url.query)[name][0] for name in ("expires", "signature"))
    altered = [
        f"{path(other)}?{url.query}",
        f"{path(media_id)}/thumbnail?{url.query}",
        f"{url.path}?expires={int(expires) + 1}&signature={signature}",
        f"{url.path}?expires=0{expires}&signature={signature}",
        f"{url.path}?expires={expires}%20&signature={signature}",
        f"{url.path}?expires={expires}&signature={signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        f"{url.path}?expires={expires}&signature={signature.upper()}",
        f"{url.path}?expires={expires}&signature=",
        f"{url.path}?expires={expires}&signature=%C3%A9",
        f"{url.path}?expires=&signature={signature}",
        f"{url.path}?signature={signature}",
        f"{url.path}?expires={'9' * 3000}&signature={signature}",
    ]
    for each in altered:
        refused(on_disk.web.get(each), 404, 105001)


def test_a_signature_expires(on_disk: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = on_disk.uploads.add(alice.id, DATA)
    now = int(time.time())
    with on_disk.uploads.storage():  # the deployment's secret
        from infra.signatures import sign

        late, early = (sign(media_id, "whole", expires) for expires in (now - 1, now + 30))
    refused(on_disk.web.get(f"{path(media_id)}?expires={now - 1}&signature={late}"), 404, 105001)
    assert on_disk.web.get(f"{path(media_id)}?expires={now + 30}&signature={early}").content == DATA


def test_without_a_token_and_a_signature_it_is_401(on_disk: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = on_disk.uploads.add(alice.id, DATA)
    for call in (path(media_id), f"{path(media_id)}?expires=99999999999", f"{path('0' * 32)}/thumbnail"):
        refused(on_disk.web.get(call), 401, 100008)


def test_a_token_goes_before_a_signature(on_disk: Door, people: tuple[User, User, User]) -> None:
    alice, _, carol = people
    media_id = on_disk.uploads.add(alice.id, DATA)
    url = described(on_disk, alice, media_id)["url"]
    refused(on_disk.web.get(url, carol.token), 404, 105001)
    refused(on_disk.web.get(url, "forged"), 401, 100008)
    refused(on_disk.web.get(url, headers={"Authorization": "Basic eA=="}), 401, 100008)
    assert on_disk.web.get(f"{path(media_id)}?expires=1&signature=wrong", alice.token).content == DATA


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 149_999),
        ("bytes=100000-", 100_000, 149_999),
        ("bytes=65535-131073", 65_535, 131_073),
        ("bytes=149999-999999999999999", 149_999, 149_999),
        ("bytes=-1", 149_999, 149_999),
        ("bytes=-999999", 0, 149_999),
        ("Bytes = 5-6", 5, 6),
    ],
)
def test_a_part_is_given(door: Door, people: tuple[User, User, User], asked: str, first: int, last: int) -> None:
    alice, *_ = people
    media_id = kept(door, alice)
    found = door.web.get(path(media_id), alice.token, headers={"Range": asked})
    assert (found.status_code, found.content) == (206, DATA[first : last + 1])
    assert found.headers["Content-Range"] == f"bytes {first}-{last}/150000"
    assert found.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=150000-", "bytes=150000-150001", "bytes=-0", "bytes=999999999999999-"])
def test_a_part_beyond_the_end_is_refused(on_disk: Door, people: tuple[User, User, User], asked: str) -> None:
    alice, *_ = people
    found = on_disk.web.get(path(kept(on_disk, alice)), alice.token, headers={"Range": asked})
    refused(found, 416, 100002)
    assert found.headers["Content-Range"] == "bytes */150000"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-5", "bytes", "bytes=0--5", "bytes=" + "9" * 16],
)
def test_several_and_malformed_parts_are_the_whole(on_disk: Door, people: tuple[User, User, User], asked: str) -> None:
    alice, *_ = people
    found = on_disk.web.get(path(kept(on_disk, alice)), alice.token, headers={"Range": asked})
    assert (found.status_code, found.content) == (200, DATA)


def test_nothing_can_be_read_of_what_is_empty_but_the_whole(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = door.uploads.add(alice.id, b"", "application/octet-stream")
    found = door.web.get(path(media_id), alice.token)
    assert (found.status_code, found.content, found.headers["Content-Length"]) == (200, b"", "0")
    for asked in ("bytes=0-", "bytes=-5"):
        refused(door.web.get(path(media_id), alice.token, headers={"Range": asked}), 416, 100002)


def test_what_the_reader_has_is_not_sent_again(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = kept(door, alice)
    tag = door.web.get(path(media_id), alice.token).headers["ETag"]
    for header in (tag, f'"x", W/{tag}', "*"):
        found = door.web.get(path(media_id), alice.token, headers={"If-None-Match": header, "Range": "bytes=0-1"})
        assert (found.status_code, found.content, found.headers["ETag"]) == (304, b"", tag)
        assert found.headers["Cache-Control"] == "private, max-age=3600"
    assert door.web.get(path(media_id), alice.token, headers={"If-None-Match": '"x"'}).status_code == 200
    for header, status in ((tag, 206), ('"x"', 200), (f"W/{tag}", 200), ("Mon, 30 Nov 2026 00:00:00 GMT", 200)):
        found = door.web.get(path(media_id), alice.token, headers={"If-Range": header, "Range": "bytes=0-1"})
        assert found.status_code == status, header


def test_head_says_what_get_would(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = kept(door, alice)
    headers = {"Authorization": f"Bearer {alice.token}", "Range": "bytes=0-1"}
    found = requests.head(f"{door.web.url}{path(media_id)}", headers=headers, timeout=30)
    assert (found.status_code, found.content) == (200, b"")
    assert (found.headers["Content-Length"], found.headers["Content-Type"]) == ("150000", "image/png")


def test_other_methods_are_refused(on_disk: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    found = on_disk.web.post(path("0" * 32), {}, alice.token)
    assert (found.status_code, found.json()["code"]) == (405, 100013)
    assert set(found.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_bytes_that_are_gone_are_404_and_logged(door: Door, people: tuple[User, User, User], stack: Stack) -> None:
    alice, *_ = people
    media_id = door.uploads.add(alice.id, DATA, thumbnail=SMALL)
    door.uploads.lose(media_id)
    for call in (path(media_id), f"{path(media_id)}/thumbnail"):
        refused(door.web.get(call, alice.token), 404, 105001)
    log = next(each for each in stack.named("web") if each.pid == door.process.pid).output()
    assert log.count(media_id) == 2
    assert "media_bytes_gone" in log


def test_a_storage_may_give_the_bytes_itself(
    stack: Stack, description: Description, s3: S3Server, people: tuple[User, User, User]
) -> None:
    alice, bob, carol = people
    door = _door(stack, description, s3.create_bucket() | {"MEDIA_REDIRECT": "1"})
    media_id = door.uploads.add(alice.id, DATA, "application/pdf", thumbnail=SMALL)
    door.uploads.carry(media_id, alice, bob)
    found = door.web.get(path(media_id), bob.token, allow_redirects=False)
    assert (found.status_code, found.headers["Cache-Control"]) == (302, "no-store")
    given = requests.get(found.headers["Location"], headers={"Range": "bytes=5-9"}, timeout=30)
    assert (given.status_code, given.content) == (206, DATA[5:10])
    assert given.headers["Content-Type"] == "application/pdf"
    assert given.headers["Content-Disposition"] == "attachment"
    assert parse_qs(urlsplit(found.headers["Location"]).query)["X-Amz-Expires"] == ["60"]
    assert door.web.get(f"{path(media_id)}/thumbnail", bob.token).content == SMALL
    head = requests.head(f"{door.web.url}{described(door, bob, media_id)['url']}", timeout=30)
    assert (head.status_code, head.headers["Content-Length"]) == (200, "150000")
    refused(door.web.get(path(media_id), carol.token), 404, 105001)
    door.uploads.withdraw(media_id)
    refused(door.web.get(path(media_id), bob.token), 404, 105001)


def test_a_storage_that_is_away_is_503_and_nothing_else_is(
    stack: Stack, description: Description, tmp_path: Path, people: tuple[User, User, User]
) -> None:
    alice, bob, _ = people
    s3 = S3Server(tmp_path)
    s3.start()
    door = _door(stack, description, settings := s3.create_bucket())
    media_id = door.uploads.add(alice.id, DATA, thumbnail=SMALL)
    assert door.web.get(path(media_id), alice.token).content == DATA
    s3.kill()
    began = time.monotonic()
    for call in (path(media_id), f"{path(media_id)}/thumbnail"):
        found = door.web.get(call, alice.token)
        refused(found, 503, 100014)
        assert int(found.headers["Retry-After"]) >= 1
    assert time.monotonic() - began < 15
    assert described(door, alice, media_id)["size"] == len(DATA)
    assert door.web.get(path(media_id), alice.token, headers={"If-None-Match": "*"}).status_code == 304
    send(door.web, alice, bob)
    s3.start()  # without a bucket: it forgets everything
    refused(door.web.get(path(media_id), alice.token), 503, 100014)
    client(s3.url).create_bucket(Bucket=settings["MEDIA_STORAGE"].split("/")[2])
    assert door.web.get(path(door.uploads.add(alice.id, DATA)), alice.token).content == DATA
    s3.kill()


def test_readers_who_go_away_leave_nothing_behind(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = door.uploads.add(alice.id, LARGE)
    held = lambda: [len(each.net_connections()) + len(each.open_files()) for each in door.process.children()]  # noqa: E731
    before = held()
    readers = [reading(door, alice, media_id) for _ in range(10)]
    assert held() > before
    for reader in readers:
        reader.close()
    wait_until(lambda: held() <= before, "what readers held to be freed")


def test_readers_who_do_not_read_take_little_memory(door: Door, people: tuple[User, User, User]) -> None:
    alice, *_ = people
    media_id = door.uploads.add(alice.id, LARGE)
    door.web.get(path(media_id), alice.token, headers={"Range": "bytes=0-200000"})
    before = rss(door)
    readers = [reading(door, alice, media_id) for _ in range(10)]
    assert door.web.get(path(media_id), alice.token).content == LARGE
    grown = rss(door) - before
    for reader in readers:
        reader.close()
    assert grown < 24, f"{grown} MiB for ten readers and one"


def reading(door: Door, user: User, media_id: str) -> socket.socket:
    """Begin to read an upload, and take no more than the first bytes. Returns the connection."""
    address = urlsplit(door.web.url)
    reader = socket.create_connection((str(address.hostname), address.port or 0))
    request = f"GET {path(media_id)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n\r\n"
    reader.sendall(request.encode())
    assert reader.recv(15) == b"HTTP/1.1 200 OK"
    return reader


def rss(door: Door) -> int:
    """Returns the MiB that the door's processes take."""
    return sum(each.memory_info().rss for each in door.process.children()) // 1024 // 1024


def kept(door: Door, user: User) -> str:
    """Returns an upload of DATA by this user, the same for all tests that only read it."""
    key = (door.web.url, user.id)
    if key not in _kept:
        _kept[key] = door.uploads.add(user.id, DATA)
    return _kept[key]


_kept: dict[tuple[str, int], str] = {}
