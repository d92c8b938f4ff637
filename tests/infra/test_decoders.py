"""Tests what is taken for which kind, and what is measured of it."""

import io
import random

import pytest
from PIL import Image

from infra.media import INLINE, NotThisKind, TooLong
from tests import media_files
from tests.infra.examined import examined, nothing_left, shrunk

pytestmark = pytest.mark.usefixtures("configured")

_HTML = b"<!DOCTYPE html><script>alert(1)</script>"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_VOICES = {
    "aac": ("adts", "aac", "audio/aac"),
    "m4a": ("ipod", "aac", "audio/mp4"),
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "opus": ("ogg", "libopus", "audio/ogg"),
    "webm": ("webm", "libopus", "audio/webm"),
}
_VIDEOS = {
    "h264": ({"container": "mp4", "video": "libx264", "audio": "aac"}, "video/mp4"),
    "fragments": ({"container": "mp4", "video": "libx264", "movflags": "frag_keyframe+empty_moov"}, "video/mp4"),
    "vp8": ({"container": "webm", "video": "libvpx", "audio": "libopus"}, "video/webm"),
    "recorded": ({"container": "webm", "video": "libvpx", "live": "1"}, "video/webm"),
}


def _png_header(width: int, height: int) -> bytes:
    """Returns a PNG that claims its size and holds no pixel."""
    whole = media_files.png_bomb(8, 8)
    header = media_files.png_chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + b"\1\0\0\0\0")
    return whole[:8] + header + whole[8 + 25 :]


@pytest.mark.parametrize("name", _PICTURES)
def test_a_picture_is_told_by_its_bytes(name: str) -> None:
    found, stored = examined(media_files.picture(name), "image")
    assert (found.content_type, found.width, found.height, found.duration) == (_PICTURES[name], 60, 40, 0)
    assert found.size == len(stored)


@pytest.mark.parametrize("name", _VOICES)
def test_a_voice_is_told_by_its_bytes_and_measured_by_its_sound(name: str) -> None:
    container, codec, content_type = _VOICES[name]
    found, _ = examined(media_files.recording(container, audio=codec, seconds=2), "voice")
    assert (found.content_type, found.width, found.height) == (content_type, 0, 0)
    assert 1_900 <= found.duration <= 2_100


@pytest.mark.parametrize("name", _VIDEOS)
def test_a_video_is_told_by_its_bytes_and_measured_by_its_frames(name: str) -> None:
    options, content_type = _VIDEOS[name]
    found, _ = examined(media_files.recording(**options, seconds=2), "video")
    assert (found.content_type, found.width, found.height) == (content_type, 64, 48)
    assert 1_900 <= found.duration <= 2_100


def test_a_video_is_measured_as_it_is_shown() -> None:
    content = media_files.recording("mp4", video="libx264", turned=90)
    found, stored = examined(content, "video")
    assert (found.width, found.height) == (48, 64)
    assert shrunk(stored, "video/mp4").size == (48, 64)


@pytest.mark.parametrize("seconds", [60, 61])
def test_a_voice_of_over_sixty_seconds_is_refused(seconds: int) -> None:
    content = media_files.recording("webm", audio="libopus", seconds=seconds, live="1")
    if seconds == 60:
        assert examined(content, "voice")[0].duration >= 60_000
    else:
        with pytest.raises(TooLong):
            examined(content, "voice")


@pytest.mark.parametrize("kind", ["image", "voice", "video"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"GIF89a", _HTML, _SVG, b"%PDF-1.7\n", b"RIFF\0\0\0\0WEBP", b"ID3"])
def test_what_is_of_no_kind_is_refused_whatever_it_is_called(content: bytes, kind: str) -> None:
    with pytest.raises(NotThisKind):
        examined(content, kind)


@pytest.mark.parametrize("content", [b"", _HTML, _SVG, b"\xff\xfb" + _HTML, b"GIF89a" + _HTML])
def test_a_file_may_be_anything_and_has_no_type_that_runs(content: bytes) -> None:
    found, stored = examined(content, "file")
    assert (found.content_type, stored) == ("application/octet-stream", content)
    assert found.content_type not in INLINE


def test_a_format_of_another_kind_is_refused() -> None:
    picture = media_files.picture("PNG")
    voice = media_files.recording("ipod", audio="aac")
    video = media_files.recording("mp4", video="libx264")
    matroska = media_files.recording("matroska", video="libvpx")
    quicktime = media_files.recording("mov", video="libx264")
    wrong = [(picture, "voice"), (picture, "video"), (voice, "image"), (voice, "video"), (video, "voice")]
    for content, kind in [*wrong, (matroska, "video"), (quicktime, "video")]:
        with pytest.raises(NotThisKind):
            examined(content, kind)


@pytest.mark.parametrize("size", [(50_000, 50_000), (10_000, 5_001)])
def test_a_picture_of_over_fifty_megapixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(NotThisKind, match="50000000 pixels"):
        examined(_png_header(*size), "image")


def test_a_picture_of_fifty_megapixels_is_decoded() -> None:
    found, _ = examined(media_files.png_bomb(10_000, 5_000), "image")
    assert (found.width, found.height) == (10_000, 5_000)


def test_a_picture_that_would_take_all_memory_is_refused() -> None:
    content = bytearray(media_files.slow_animation(frames=1))
    content[24:30] = b"\xfe\x3f\0" * 2  # 16,383 pixels a side
    with pytest.raises(NotThisKind):
        examined(bytes(content), "image")


def test_pictures_of_too_many_frames_or_scans_are_refused() -> None:
    still = media_files.picture("JPEG", progressive=True)
    last = still.rindex(b"\xff\xda")
    scans = still[:last] + still[last:-2] * 200 + still[-2:]
    large = media_files.picture("JPEG", (7_000, 7_000), progressive=True)
    last = large.rindex(b"\xff\xda")
    large = large[:last] + large[last:-2] * 10 + large[-2:]
    for content in (media_files.animation("GIF", 1_001), media_files.slow_animation(frames=251), scans, large):
        with pytest.raises(NotThisKind, match="too many"):
            examined(content, "image")


def test_sound_of_too_many_comments_is_refused() -> None:
    begin = media_files.recording("ogg", audio="libopus")
    page = begin[: begin.index(b"OggS", 4)]
    comments = b"OggS\0\0" + bytes(20) + b"\xff" * 256 + b"OpusTags".ljust(255 * 255, b"c")
    with pytest.raises(NotThisKind, match="too many comments"):
        examined(page + comments * 17, "voice")


@pytest.mark.parametrize(
    ("name", "parts"),
    [("h264", b"\0\0\0\x08free" * 200_001), ("vp8", b"\xec\x80" * 1_000_001)],
    ids=["boxes", "elements"],
)
def test_a_film_of_too_many_parts_is_refused(name: str, parts: bytes) -> None:
    film = media_files.recording(**_VIDEOS[name][0])
    examined(film + parts[:80], "video")
    with pytest.raises(NotThisKind):
        examined(film + parts, "video")


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG"])
def test_an_animation_keeps_its_frames(name: str) -> None:
    _, stored = examined(media_files.animation(name, 5), "image")
    with Image.open(io.BytesIO(stored)) as image:
        assert image.n_frames == 5
        assert image.info.get("loop", 0) == 0


@pytest.mark.parametrize("name", _PICTURES)
def test_a_picture_that_is_cut_off_or_damaged_is_refused(name: str) -> None:
    content = media_files.noise(name, (100, 80))
    for cut in (len(content) // 2, len(content) - 40):
        with pytest.raises(NotThisKind):
            examined(content[:cut], "image")
    if name == "PNG":  # the others cannot tell
        damaged = content[: len(content) // 2] + b"\xff" * 64 + content[len(content) // 2 + 64 :]
        with pytest.raises(NotThisKind):
            examined(damaged, "image")


def test_a_picture_that_ends_well_without_all_of_its_pixels_is_refused() -> None:
    png = media_files.noise("PNG", (100, 80))
    pixels = png[41 : 41 + int.from_bytes(png[33:37]) // 2]
    gif = media_files.noise("GIF", (100, 80))
    blocks = gif.index(b"\x2c\0\0\0\0\x64\0\x50\0") + 11
    for content in (
        png[:33] + media_files.png_chunk(b"IDAT", pixels) + media_files.png_chunk(b"IEND", b""),
        gif[: blocks + 4 * 256] + b"\0;",
    ):
        with pytest.raises(NotThisKind):
            examined(content, "image")


def test_what_fuzzing_makes_is_taken_or_refused_and_leaves_no_process() -> None:
    chance = random.Random(13)
    seeds = [(media_files.picture(name), "image") for name in _PICTURES]
    seeds += [(media_files.recording(container, audio=codec), "voice") for container, codec, _ in _VOICES.values()]
    seeds += [(media_files.recording(**options), "video") for options, _ in _VIDEOS.values()]
    outcomes = []
    with nothing_left():
        for content, kind in seeds * 2:
            broken = bytearray(content[: chance.randrange(len(content) // 2, len(content) + 1)])
            for _ in range(chance.randrange(1, 20)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            try:
                examined(bytes(broken), kind)
                outcomes.append("taken")
            except (NotThisKind, TooLong):
                outcomes.append("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("name", _PICTURES)
def test_a_thumbnail_is_a_small_webp(name: str) -> None:
    image = shrunk(media_files.picture(name, (1_000, 600)), _PICTURES[name])
    assert (image.format, image.size) == ("WEBP", (320, 192))


def test_a_thumbnail_is_turned_as_the_picture_is_shown() -> None:
    content = media_files.picture("JPEG", (1_000, 600), exif=media_files.exif(6))
    image = shrunk(content, "image/jpeg").convert("RGB")
    assert image.size == (192, 320)
    red, _, blue = image.getpixel((image.width - 20, 20))
    assert red > 200 > 100 > blue  # the red quarter was on the left above


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_mode_get_a_thumbnail(mode: str) -> None:
    content = media_files.picture("JPEG" if mode == "CMYK" else "PNG", (640, 480), mode)
    image = shrunk(content, "image/jpeg" if mode == "CMYK" else "image/png")
    assert image.size == (320, 240)
    assert image.convert("L").getextrema()[0] < 200  # neither white nor lost


def test_a_video_has_a_thumbnail_and_a_voice_has_none() -> None:
    content = media_files.recording("webm", video="libvpx", size=(640, 480))
    assert shrunk(content, "video/webm").size == (320, 240)
    for wrong in (content[:200], media_files.recording("webm", audio="libopus")):
        with pytest.raises(NotThisKind):
            shrunk(wrong, "video/webm")
    with pytest.raises(NotThisKind):
        shrunk(_HTML, "application/octet-stream")
