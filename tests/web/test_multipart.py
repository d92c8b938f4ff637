"""Tests that a multipart body is read in pieces, and that no body makes its reader stumble or keep much."""

import io
import random
from collections.abc import Callable, Iterator

import pytest

from messaging.errors import Code, Refused
from web.multipart import PIECE, Piece, pieces

MIB = 1024 * 1024


def part(name: str, data: bytes, *, more: str = "", separator: bytes = b"b") -> bytes:
    head = f'\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
    return b"--" + separator + head + data + b"\r\n"


def parts_of(found: Iterator[Piece]) -> dict[str, bytes]:
    """Returns the data of each part, by its name."""
    whole: dict[str, bytes] = {}
    for piece in found:
        assert piece.first == (piece.name not in whole)
        assert len(piece.data) <= 2 * PIECE
        whole[piece.name] = whole.get(piece.name, b"") + piece.data
    return whole


def reading(body: bytes, most: int = PIECE) -> Callable[[int], bytes]:
    stream = io.BytesIO(body)
    return lambda size: stream.read(min(size, most))


@pytest.mark.parametrize("most", [1, 2, 3, 5, 7, 64, 1_000, PIECE])
def test_what_was_sent_comes_however_it_is_cut(most: int) -> None:
    chance = random.Random(most)
    for separator in (b"b", b"----WebKitFormBoundaryX7pQ"):
        for _ in range(60):
            data = b"".join(chance.choices([b"\r", b"\n", b"\r\n", b"-", b"--", b"bb", b"\x00\xff"], k=80))
            if b"\r\n--" + separator in data:
                continue
            body = part("file", data, more='; filename="../\x00"', separator=separator)
            body += part("kind", b"", separator=separator) + b"--" + separator + b"--\r\n"
            assert parts_of(pieces(reading(body, most), separator)) == {"file": data, "kind": b""}


def test_a_file_is_whole_wherever_its_separator_is_cut() -> None:
    for length in range(PIECE - 80, PIECE + 20):
        body = part("file", b"x" * length) + part("kind", b"file") + b"--b--\r\n"
        assert parts_of(pieces(reading(body), b"b")) == {"file": b"x" * length, "kind": b"file"}


def test_a_large_part_comes_in_pieces() -> None:
    data = random.Random(1).randbytes(3 * MIB)
    body = b"a preamble\r\n" + part("file", data) + part("kind", b"video") + b"--b--\r\n"
    found = list(pieces(reading(body), b"b"))
    assert len(found) > 3 * MIB // PIECE
    assert b"".join(piece.data for piece in found if piece.name == "file") == data
    assert [piece.last for piece in found if piece.name == "file"].count(True) == 1


def test_nothing_is_read_after_the_last_separator() -> None:
    stream = io.BytesIO(part("kind", b"file") + b"--b--\r\n" + b"x" * MIB)
    assert parts_of(pieces(stream.read, b"b")) == {"kind": b"file"}
    assert stream.tell() <= PIECE


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.INVALID),
        (b"no separator", Code.INVALID),
        (part("file", b"x" * 100), Code.INVALID),
        (part("file", b"x" * 100) + b"--b", Code.INVALID),
        (b"--b\r\nContent-Disposition: form-data; name=", Code.INVALID),
        (b"--b\r\nX: y\r\n\r\nx\r\n--b--", Code.INVALID),
        (b"--b\r\n\r\nx\r\n--b--", Code.INVALID),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", Code.INVALID),
        (b'--b\r\nContent-Disposition: attachment; name="file"\r\n\r\nx\r\n--b--', Code.INVALID),
        (b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--', Code.INVALID),
        (part("file", b"x", separator=b"bc") + b"--bc--", Code.INVALID),
        (b"x" * MIB, Code.TOO_LARGE),
        (b"--b\r\n" + b"X: y\r\n" * MIB, Code.TOO_LARGE),
        (b"--b\r\n" + b"X" * MIB, Code.TOO_LARGE),
        (part("x" * 9_000, b"x") + b"--b--", Code.TOO_LARGE),
    ],
)
def test_a_malformed_body_is_refused_and_not_kept(body: bytes, code: Code) -> None:
    stream = io.BytesIO(body)
    with pytest.raises(Refused) as refused:
        list(pieces(stream.read, b"b"))
    assert refused.value.code is code
    assert stream.tell() <= 2 * PIECE


def test_a_form_without_parts_has_none() -> None:
    assert list(pieces(reading(b"--b--\r\n"), b"b")) == []


def test_no_body_makes_it_stumble() -> None:
    """Whatever comes, it is read to its end or refused."""
    chance = random.Random(7)
    bits = [b"--b", b"--b--", b"\r\n", b"\r\n", b"\r", b"\n", b"Content-Disposition: form-data", b'; name="file"']
    bits += [b"; name*=x''%", b"; filename=", b'"', b"\\", b"\x00", b"\xff", b":", b" ", b"kind", b"x" * 300]
    ends = set()
    for _ in range(5_000):
        body = b"--b" + b"".join(chance.choices(bits, k=chance.randrange(1, 40)))
        try:
            ends.add(bool(list(pieces(reading(body, chance.choice((1, 5, PIECE))), b"b"))))
        except Refused as refused:
            ends.add(refused.code)
    assert ends <= {True, False, Code.INVALID}
    assert len(ends) > 1
