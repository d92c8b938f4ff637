"""Tests that decoders are few, short-lived and poor, and that nothing of them is left however all end."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryFile

import psutil
import pytest

from infra.media import NotThisKind, Unavailable, answers, examine, thumbnail
from infra.media.confined import run
from tests import databases, media_files
from tests.infra.examined import decoders, examined, nothing_left
from tests.processes import ROOT, living, wait_until

pytestmark = pytest.mark.usefixtures("configured")

_EXAMINE = """
import socket
import sys
from infra.media import examine

taken = socket.create_server(("127.0.0.1", 0))
taken.set_inheritable(True)
examine(open(sys.argv[1], "rb"), "image")
"""
_IN_GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from tempfile import TemporaryFile
from infra.media import examine
from tests import media_files

turns = 0

def turn():
    global turns
    while True:
        gevent.sleep(0.01)
        turns += 1

gevent.spawn(turn)
source = TemporaryFile()
source.write(media_files.slow_animation(frames=20))
found = examine(source, "image")
print(found.content_type, turns > 20)
"""
_WITHOUT_FILES = """
import resource
from tempfile import TemporaryFile
from infra.media import Unavailable, examine
from tests import media_files

source = TemporaryFile()
source.write(media_files.picture("PNG"))
examine(source, "image").file.close()
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for more in range(1, 7):
    resource.setrlimit(resource.RLIMIT_NOFILE, (source.fileno() + more, hard))
    try:
        print(examine(source, "image").content_type)
    except Unavailable:
        print("Unavailable")
"""
_SPIN = """
import os
from infra.decoders.confine import confine
confine(os.getppid(), cpu_seconds=1)
while True:
    pass
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that takes seconds to decode."""
    path = tmp_path_factory.mktemp("media") / "slow"
    path.write_bytes(media_files.slow_animation())
    return path


def _start(code: str, path: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | databases.environment("sqlite://")
    return subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, env=environment, stdout=subprocess.PIPE)


@pytest.fixture
def caller(slow: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for a decoder."""
    process = _start(_EXAMINE, slow)
    yield process
    process.kill()
    process.communicate()


def _decoder(caller: subprocess.Popen[bytes]) -> psutil.Process:
    """Returns the decoder of a caller, once it decodes."""
    process = psutil.Process(caller.pid)
    wait_until(lambda: decoders(process), "a decoder at work")
    return decoders(process)[0]


def test_the_end_of_the_caller_ends_the_decoder(caller: subprocess.Popen[bytes]) -> None:
    decoder = _decoder(caller)
    caller.send_signal(signal.SIGKILL)
    wait_until(lambda: not living([decoder]), "the decoder to end", seconds=2)


def test_a_decoder_knows_no_secrets_and_has_no_files_but_its_own(caller: subprocess.Popen[bytes]) -> None:
    decoder = _decoder(caller)
    assert set(decoder.environ()) <= {"LD_LIBRARY_PATH", "PATH", "TMPDIR", "MALLOC_ARENA_MAX", "LC_CTYPE"}
    assert not decoder.net_connections()
    assert decoder.num_fds() <= 10
    soft, _ = decoder.rlimit(psutil.RLIMIT_AS)
    assert soft <= 1 << 30


def test_a_decoder_that_is_killed_says_nothing_about_the_file(slow: Path) -> None:
    def kill() -> None:
        me = psutil.Process()
        wait_until(lambda: decoders(me), "a decoder at work")
        decoders(me)[0].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with slow.open("rb") as source, pytest.raises(Unavailable):
        examine(source, "image")
    killer.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"content_type": "text/html", "width": 0, "height": 0, "duration": 0}',
        b'{"content_type": [], "width": 0, "height": 0, "duration": 0}',
        b'{"content_type": "image/png", "width": -1, "height": 0, "duration": 0}',
        b'{"content_type": "image/png", "width": 0, "height": 9e99, "duration": 0}',
    ],
)
def test_what_a_decoder_answers_is_not_believed(answer: bytes) -> None:
    with pytest.raises(NotThisKind):
        answers.found(answer)


def test_a_decoder_that_computes_too_long_is_ended() -> None:
    ended = subprocess.run([sys.executable, "-c", _SPIN], cwd=ROOT, check=False, timeout=30)
    assert ended.returncode == -signal.SIGXCPU


def test_greenlets_go_on_while_a_decoder_works(slow: Path) -> None:
    process = _start(_IN_GEVENT, slow)
    output, _ = process.communicate(timeout=60)
    assert output.split() == [b"image/webp", b"True"]


def test_few_decoders_run_at_once_and_none_is_left() -> None:
    content = media_files.slow_animation(frames=10)
    me, most = psutil.Process(), 0
    with nothing_left(), ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(examined, content, "image") for _ in range(6)]
        while not all(each.done() for each in waiting):
            most = max(most, len(decoders(me)))
            wait(waiting, timeout=0.02)
    assert {each.result()[0].content_type for each in waiting} == {"image/webp"}
    assert most == 2


def test_the_positions_of_the_source_stay_and_so_does_the_source() -> None:
    content = media_files.picture("PNG")
    with TemporaryFile() as source:
        source.write(content)
        source.seek(5)
        source.read(3)
        examine(source, "image").file.close()
        assert source.tell() == 8
        assert thumbnail(source, "image/png").startswith(b"RIFF")
        assert source.read() == content[8:]


def test_no_file_is_left_open_by_what_is_refused() -> None:
    before = psutil.Process().num_fds()
    with pytest.raises(NotThisKind):
        examined(b"nothing", "image")
    with TemporaryFile() as source, pytest.raises(NotThisKind):
        thumbnail(source, "image/png")
    assert psutil.Process().num_fds() == before


def test_without_files_of_its_own_nothing_is_said_about_the_source(slow: Path) -> None:
    process = _start(_WITHOUT_FILES, slow)
    output, _ = process.communicate(timeout=60)
    told = [each for each in output.splitlines() if each in (b"Unavailable", b"image/png")]  # the log is there too
    assert told == [b"Unavailable"] * 5 + [b"image/png"]


@pytest.mark.parametrize("kind", ["image", "voice"])
def test_a_full_disk_says_nothing_about_the_source(kind: str) -> None:
    content = media_files.picture("PNG") if kind == "image" else media_files.recording("mp3", audio="libmp3lame")
    with TemporaryFile() as source, Path("/dev/full").open("r+b", buffering=0) as full:
        source.write(content)
        with pytest.raises(Unavailable):
            run(["examine", kind, "clean"], source, full)
