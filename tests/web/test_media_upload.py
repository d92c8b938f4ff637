"""Tests of uploads against the real process: what is refused, when, and that nothing is left of what does not end.

Bodies are written to the socket by hand where it matters in which pieces they come.
"""

import hashlib
import json
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.media_files import picture
from tests.people import User, Web, answer, friends, new_user, send, upload
from tests.processes import PATIENCE, Process, wait_until
from tests.stack import Door, Stack
from tests.web.test_bodies import chunked, problem, said

PATH = "/media/v1/upload"
KIB, MIB = 1024, 1024 * 1024
LIMITS = {"image": 10 * MIB, "voice": 2 * MIB, "video": 100 * MIB, "file": 100 * MIB}
GROWTH = 16 * MIB  # that the web process may take for an upload of 100 MiB
PNG = picture("PNG")


class Place:
    """A web process with a storage and temporary files of its own, in which nothing may be left."""

    def __init__(self, stack: Stack, directory: Path, **environment: str) -> None:
        self.storage, self.temporary = directory / "media", directory / "temporary"
        self.temporary.mkdir()
        settings = {"MEDIA_STORAGE": str(self.storage), "TMPDIR": str(self.temporary), "RATE_LIMITS": "0"}
        self.process: Process = stack.add("web", **settings | environment)
        assert isinstance(self.process, Door)
        self.url = self.process.url
        self.web = Web(self.url)
        self._of_the_server: list[str] = []
        self._of_the_server = self.open_files()

    def stored(self) -> list[bytes]:
        """Returns the bytes of every file in the storage."""
        return [path.read_bytes() for path in self.storage.rglob("*") if path.is_file()]

    def open_files(self) -> list[str]:
        """Returns the temporary files that the processes hold. They have no name."""
        program = psutil.Process(self.process.pid)
        links = [Path(f"/proc/{each.pid}/fd") for each in (program, *program.children(recursive=True))]
        found = [target for each in links for target in _targets(each) if target.startswith(str(self.temporary))]
        return [each for each in found if each not in self._of_the_server]

    def require_nothing_left(self, *, but: list[bytes]) -> None:
        """Fails unless the storage holds these bytes alone, and no temporary file is left, open or closed."""
        wait_until(lambda: not self.open_files(), "temporary files to be closed")
        assert list(self.temporary.iterdir()) == []
        assert sorted(self.stored()) == sorted(but)


def _targets(directory: Path) -> list[str]:
    found = []
    with suppress(FileNotFoundError):
        for link in directory.iterdir():
            with suppress(FileNotFoundError):
                found.append(os.readlink(link))
    return found


@pytest.fixture(scope="module")
def place(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(stack, tmp_path_factory.mktemp("uploads"))


@pytest.fixture
def user(place: Place) -> User:
    """Returns a user of one test alone: raw calls are not repeated, and ten a second would be too many for one."""
    return new_user(place.web)


def head(user: User, *more: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {user.token}", *more]
    return "\r\n".join([*lines, "Content-Type: multipart/form-data; boundary=b", "", ""]).encode()


def field(name: str, data: bytes) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + data + b"\r\n"


def form(data: bytes, kind: str = "file") -> bytes:
    return field("kind", kind.encode()) + field("file", data) + b"--b--\r\n"


def whole(user: User, body: bytes, *more: str) -> bytes:
    return head(user, f"Content-Length: {len(body)}", *more) + body


def refusal(web: Web, user: User, **options: Any) -> tuple[int, int, dict[str, list[str]]]:
    found = web.post(PATH, token=user.token, **options)
    return found.status_code, found.json()["code"], found.json().get("errors", {})


@pytest.mark.parametrize("first", ["kind", "file"])
def test_fields_come_in_any_order(place: Place, user: User, first: str) -> None:
    data = random.Random(first).randbytes(3 * KIB)
    parts = [field("kind", b"file"), field("file", data)]
    body = b"".join(parts if first == "kind" else reversed(parts)) + b"--b--"
    found = said(place.url, whole(user, body, "Connection: close"))
    assert found.startswith(b"HTTP/1.1 200 ")
    media = json.loads(found.partition(b"\r\n\r\n")[2])["media"]
    assert (media["kind"], media["size"], media["sha256"]) == ("file", 3 * KIB, hashlib.sha256(data).hexdigest())
    assert data in place.stored()


def test_a_name_and_a_content_type_play_no_part(place: Place, user: User) -> None:
    for name in ("../../etc/passwd", "x.html", "a\x00b", "é" * 500, "C:\\x", ""):
        files = {"file": (name, b"some bytes of one file", "text/html")}
        media = answer(place.web.post(PATH, token=user.token, data={"kind": "file"}, files=files))["media"]
        assert media["content_type"] == "application/octet-stream"
    assert place.stored().count(b"some bytes of one file") == 1


def test_a_body_in_chunks_is_an_upload_too(place: Place, user: User) -> None:
    data = random.Random(2).randbytes(200 * KIB)
    body = form(data)
    sent = chunked(*(body[start : start + 999] for start in range(0, len(body), 999)))
    assert said(place.url, head(user, "Transfer-Encoding: chunked") + sent).startswith(b"HTTP/1.1 200 ")
    assert data in place.stored()


@pytest.mark.parametrize(
    ("parts", "errors"),
    [
        (field("kind", b"file"), {"file": ["Missing data for required field."]}),
        (field("file", b"x"), {"kind": ["Missing data for required field."]}),
        (field("file", b"") + field("kind", b"file"), {"file": ["Empty."]}),
        (field("kind", b"sound"), {"kind": ["Must be one of: image, voice, video, file."]}),
        (field("kind", b"x" * 100_000), {"kind": ["Must be one of: image, voice, video, file."]}),
        (field("kind", b"\xff"), {"kind": ["Must be one of: image, voice, video, file."]}),
        (field("kind", b"file") * 2, {"kind": ["Given twice."]}),
        (field("file", b"x") * 2, {"file": ["Given twice."]}),
        (field("name", b"x"), {"name": ["Unknown field."]}),
        (field("n" * 1_000, b"x"), {"n" * 64: ["Unknown field."]}),
        (b"", {"file": ["Missing data for required field."], "kind": ["Missing data for required field."]}),
        (b"\r\n", {}),
    ],
)
def test_a_form_with_other_fields_is_refused(
    place: Place, user: User, parts: bytes, errors: dict[str, list[str]]
) -> None:
    before = place.stored()
    body = (parts + b"--b--\r\n") if parts.strip() else parts + (b"" if parts else b"--b--\r\n")
    answered = said(place.url, whole(user, body, "Connection: close"))
    assert problem(answered) == (400, 100002)
    assert json.loads(answered.partition(b"\r\n\r\n")[2]).get("errors", {}) == errors
    place.require_nothing_left(but=before)


def test_another_content_type_is_refused(place: Place, user: User) -> None:
    assert refusal(place.web, user, json={"kind": "file"})[:2] == (415, 100013)
    assert refusal(place.web, user)[:2] == (415, 100013)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 71):
        assert refusal(place.web, user, data=b"x", headers={"Content-Type": kind})[:2] == (400, 100002)


def test_without_a_token_nothing_is_read(place: Place) -> None:
    nobody = User(0, "", "no token", "")
    answered = said(place.url, head(nobody, f"Content-Length: {100 * MIB}", "Connection: close"))
    assert problem(answered) == (401, 100008)


@pytest.mark.parametrize("kind", LIMITS)
def test_what_is_beyond_the_limit_of_its_kind_is_refused_before_the_rest_comes(
    place: Place, user: User, kind: str
) -> None:
    """The client sends 64 KiB more, and then waits: the answer must not."""
    before = place.stored()
    start = field("kind", kind.encode()) + field("file", b"")[:-2]
    pieces = [start, *[b"x" * MIB] * (LIMITS[kind] // MIB), b"x" * (64 * KIB)]
    sent = (chunked(piece).removesuffix(b"0\r\n\r\n") for piece in pieces)
    assert problem(said(place.url, head(user, "Transfer-Encoding: chunked"), *sent)) == (413, 105002)
    place.require_nothing_left(but=before)


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_the_limit_is_exact(place: Place, user: User, more: int, status: int) -> None:
    files = {"file": PNG.ljust(10 * MIB + more, b"x")}
    assert place.web.post(PATH, token=user.token, data={"kind": "file"}, files=files).status_code == 200
    assert place.web.post(PATH, token=user.token, data={"kind": "image"}, files=files).status_code == status


def test_a_limit_holds_also_when_the_kind_comes_last(place: Place, user: User) -> None:
    body = field("file", b"x" * (2 * MIB + 1)) + field("kind", b"voice") + b"--b--\r\n"
    assert problem(said(place.url, whole(user, body, "Connection: close"))) == (413, 105002)


def test_a_length_beyond_every_limit_is_refused_before_anything_is_read(place: Place, user: User) -> None:
    started = time.monotonic()
    answered = said(place.url, head(user, f"Content-Length: {10**12}"))
    assert problem(answered) == (413, 105002)
    assert b"\r\nConnection: close\r\n" in answered
    assert time.monotonic() - started < 10


def test_a_client_that_sends_on_after_a_refusal_gets_the_answer(place: Place, user: User) -> None:
    """What they send on is read at the pace of uploads: 64 KiB in 1.5 ms."""
    started = time.monotonic()
    found = place.web.post(PATH, token=user.token, data={"kind": "image"}, files={"file": b"x" * (30 * MIB)})
    assert (found.status_code, found.json()["code"]) == (413, 105002)
    assert time.monotonic() - started > 0.6


@pytest.mark.parametrize("path", [PATH, "/message/v1/send", "/nowhere"])
def test_little_more_is_read_of_who_has_no_token(place: Place, path: str) -> None:
    host, _, port = place.url.removeprefix("http://").partition(":")
    sent = 0
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MIB)
        connection.settimeout(PATIENCE)
        connection.connect((host, int(port)))
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**9}\r\n\r\n".encode())
        with suppress(ConnectionError):
            while sent < 100 * MIB:
                sent += connection.send(b"x" * MIB)
    assert sent < 32 * MIB  # 8, and what lies in the buffers of the two sockets


def test_what_is_not_of_its_kind_is_refused_and_not_kept(place: Place, user: User) -> None:
    before = place.stored()
    for kind, data in (("image", b"<html>"), ("image", b"<svg/>"), ("voice", PNG), ("video", PNG)):
        files = {"file": ("x.png", data, "image/png")}
        assert refusal(place.web, user, data={"kind": kind}, files=files)[:2] == (415, 105003), kind
    place.require_nothing_left(but=before)


def test_the_same_bytes_are_stored_once_also_when_they_come_at_once(place: Place) -> None:
    data, users = random.Random(3).randbytes(300 * KIB), [new_user(place.web) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda each: upload(place.web, each, data), users))
    found.append(upload(place.web, users[0], data))
    assert len({media["media_id"] for media in found}) == 7
    assert {media["sha256"] for media in found} == {hashlib.sha256(data).hexdigest()}
    assert place.stored().count(data) == 1


def test_bytes_that_are_gone_come_back_with_the_next_upload_of_them(place: Place, user: User) -> None:
    data = random.Random(4).randbytes(1_000)
    upload(place.web, user, data)
    next(path for path in place.storage.rglob("*") if path.is_file() and path.read_bytes() == data).unlink()
    upload(place.web, user, data)
    assert place.stored().count(data) == 1


@pytest.mark.parametrize("cut", ["in the headers", "in the file", "before the last separator"])
def test_an_upload_that_is_cut_off_leaves_nothing(place: Place, user: User, cut: str) -> None:
    before, body = place.stored(), form(b"x" * (3 * MIB))
    length = {"in the headers": 20, "in the file": 2 * MIB, "before the last separator": len(body) - 8}[cut]
    host, _, port = place.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head(user, f"Content-Length: {len(body)}") + body[:length])
        if length > KIB:
            wait_until(place.open_files, "the upload to begin")
    place.require_nothing_left(but=before)
    upload(place.web, user, b"and the next one")


def test_a_kill_in_an_upload_leaves_nothing(stack: Stack, tmp_path: Path) -> None:
    place = Place(stack, tmp_path)
    user, body = new_user(place.web), form(b"x" * (30 * MIB))
    host, _, port = place.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head(user, f"Content-Length: {len(body)}") + body[: 20 * MIB])
        wait_until(place.open_files, "the upload to begin")
        place.process.kill()
    assert place.stored() == []
    assert list(place.temporary.iterdir()) == []


def test_a_large_upload_takes_little_memory(stack: Stack, tmp_path: Path) -> None:
    place = Place(stack, tmp_path)
    user = new_user(place.web)
    upload(place.web, user, b"the first loads what every upload needs")
    (worker,) = psutil.Process(place.process.pid).children()
    before, most, ended = worker.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            most[0] = max(most[0], worker.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        piece = random.Random(5).randbytes(MIB)
        start, end = field("kind", b"file") + field("file", b"")[:-2], b"\r\n--b--\r\n"
        length = len(start) + 100 * MIB + len(end)
        close = head(user, f"Content-Length: {length}", "Connection: close")
        answered = said(place.url, close + start, *[piece] * 100, end)
    finally:
        ended.set()
        watcher.join()
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["media"]["size"] == 100 * MIB
    print(f"the web process grew by {(most[0] - before) / MIB:.1f} MiB")
    assert most[0] - before < GROWTH
    place.require_nothing_left(but=[b"the first loads what every upload needs", piece * 100])


def test_a_user_has_so_many_uploads_at_once_and_others_have_theirs(place: Place, user: User) -> None:
    host, _, port = place.url.removeprefix("http://").partition(":")
    half = head(user, "Content-Length: 5000") + form(b"x" * 4_000)[:3_000]
    held = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(4)]
    try:
        for connection in held:
            connection.sendall(half)
        wait_until(lambda: len(place.open_files()) == 4, "four uploads to begin")
        found = place.web.post(
            PATH, token=user.token, data={"kind": "file"}, files={"file": b"x"}, allow_redirects=False
        )
        assert (found.status_code, found.json()["code"], found.headers["Retry-After"]) == (429, 100010, "2")
        upload(place.web, new_user(place.web), b"another user's")
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: not place.open_files(), "places to be free")
    upload(place.web, user, b"theirs again")


def test_a_process_has_so_many_uploads_at_once(place: Place) -> None:
    users = [new_user(place.web) for _ in range(5)]
    host, _, port = place.url.removeprefix("http://").partition(":")
    held = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(16)]
    try:
        for number, connection in enumerate(held):
            connection.sendall(head(users[number // 4], "Content-Length: 5000") + form(b"x" * 4_000)[:3_000])
        wait_until(lambda: len(place.open_files()) == 16, "all uploads to begin")
        found = place.web.post(PATH, token=users[4].token, data={"kind": "file"}, files={"file": b"x"})
        assert (found.status_code, found.json()["code"], found.headers["Retry-After"]) == (503, 100014, "2")
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: not place.open_files(), "places to be free")


def test_a_user_uploads_so_much_a_day(stack: Stack, tmp_path: Path) -> None:
    place = Place(stack, tmp_path, MEDIA_BYTES_A_DAY=str(100 * KIB))
    user = new_user(place.web)
    upload(place.web, user, b"x" * (99 * KIB))
    for data in (b"y" * (2 * KIB), b"y" * (300 * KIB)):  # the second by its length alone, before it is read
        found = place.web.post(PATH, token=user.token, data={"kind": "file"}, files={"file": data})
        assert (found.status_code, found.json()["code"]) == (429, 100010)
        assert 80_000 < int(found.headers["Retry-After"]) <= 86_400
    place.require_nothing_left(but=[b"x" * (99 * KIB)])


@pytest.fixture(scope="module")
def scant(stack: Stack) -> Iterator[Door]:
    """Yields a web process that waits 0.5 s for a piece of an upload, two for all, and writes files of 2 MiB."""
    door = stack.add_door("scant", "tests.web.wsgi_scant:web")
    yield door
    door.kill()


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Content-Length: 5000"])
def test_an_idle_client_is_not_waited_for(scant: Door, user: User, header: str) -> None:
    assert problem(said(scant.url, head(user, header), b"fff\r\n--b\r\n")) == (408, 100002)


def test_a_slow_client_is_not_waited_for_either(scant: Door, user: User) -> None:
    """A byte now and then is no piece; and pieces, one before each end of patience, are no upload for ever."""
    host, _, port = scant.url.removeprefix("http://").partition(":")
    start = field("kind", b"file") + field("file", b"")[:-2]
    for piece in (b"x", b"x" * 70_000):
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(head(user, f"Content-Length: {50 * MIB}") + start)
            stop = threading.Event()
            sender = threading.Thread(target=_drip, args=(connection, piece, stop))
            sender.start()
            answered = b"".join(iter(lambda: connection.recv(65_536), b""))
            stop.set()
            sender.join()
        assert problem(answered) == (408, 100002)


def _drip(connection: socket.socket, piece: bytes, stop: threading.Event) -> None:
    while not stop.wait(0.2):
        try:
            connection.sendall(piece)
        except OSError:
            return


@pytest.mark.parametrize("size", [2 * MIB + 1, 2 * MIB + 700, 2 * MIB + 9_000, 3 * MIB])
@pytest.mark.parametrize("piece", [700, 64 * KIB])
def test_a_full_disk_is_answered_and_passes(scant: Door, user: User, size: int, piece: int) -> None:
    body = form(b"x" * size)
    sent = chunked(*(body[start : start + piece] for start in range(0, len(body), piece)))
    answered = said(scant.url, head(user, "Transfer-Encoding: chunked"), sent)
    assert problem(answered) == (503, 100014)
    assert b"\r\nRetry-After: 5\r\n" in answered
    assert upload(Web(scant.url), user, b"x" * MIB)["size"] == MIB


def test_without_a_place_for_temporary_files_the_answer_is_503(place: Place, user: User) -> None:
    upload(place.web, user, b"the place has been looked for")
    away = place.temporary.rename(place.temporary.with_name("away"))
    try:
        assert refusal(place.web, user, data={"kind": "file"}, files={"file": b"x"})[:2] == (503, 100014)
    finally:
        away.rename(place.temporary)
    upload(place.web, user, b"it is there again")


def test_without_a_storage_nothing_is_half_stored(stack: Stack, tmp_path: Path) -> None:
    place = Place(stack, tmp_path)
    user = new_user(place.web)
    upload(place.web, user, b"first")
    place.storage.rename(tmp_path / "elsewhere")
    place.storage.write_text("no directory")
    for _ in range(2):
        found = place.web.post(PATH, token=user.token, data={"kind": "file"}, files={"file": b"second"})
        assert (found.status_code, found.json()["code"]) == (503, 100014)
        assert int(found.headers["Retry-After"]) >= 1
    place.storage.unlink()
    (tmp_path / "elsewhere").rename(place.storage)
    upload(place.web, user, b"second")
    place.require_nothing_left(but=[b"first", b"second"])


@pytest.mark.skipif(not os.environ.get("LONG"), reason="measures for half a minute: LONG=1")
@pytest.mark.parametrize(("rate", "most"), [("2M", 2), ("1G", 20)])  # those of a machine on its own take its disk
def test_ten_uploads_at_once_hold_up_no_sends(place: Place, tmp_path: Path, rate: str, most: int) -> None:
    """Ten programs upload 20 MiB again and again, at a rate of the network's or at this machine's."""
    pair = friends(place.web)
    path = tmp_path / "file"
    path.write_bytes(random.Random(6).randbytes(20 * MIB))
    command = ["curl", "-sf", "--limit-rate", rate, place.url + PATH, "-F", "kind=file", "-F", f"file=@{path}"]
    ended = threading.Event()

    def uploading(user: User) -> int:
        done = 0
        while not ended.is_set():
            subprocess.run([*command, "-H", f"Authorization: Bearer {user.token}"], check=True, capture_output=True)
            done += 1
        return done

    def sending() -> float:
        """Returns within how many ms 99 % of 300 sends are answered."""
        times = []
        for _ in range(300):
            started = time.monotonic()
            send(place.web, *pair)
            times.append(time.monotonic() - started)
        return sorted(times)[-4] * 1_000

    users = [new_user(place.web) for _ in range(10)]
    sending()
    alone = sending()
    with ThreadPoolExecutor(10) as threads:
        running = [threads.submit(uploading, user) for user in users]
        wait_until(lambda: len(place.open_files()) >= 8, "uploads to run")
        beside = sending()
        ended.set()
        count = sum(each.result() for each in running)
    alone = max(alone, sending())  # the machine may be busy with other things, and more so than before
    print(f"99 % of sends: {alone:.1f} ms alone, {beside:.1f} ms beside {count} uploads of 20 MiB at {rate}/s each")
    assert beside <= most * alone
