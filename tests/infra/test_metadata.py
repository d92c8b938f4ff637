"""Tests that what tells of places and persons goes from an upload, and that nothing that is shown goes with it."""

import io
import zipfile

import av
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from infra.media import NotThisKind
from infra.settings import settings
from tests import media_files
from tests.infra.examined import examined
from tests.media_files import SECRET

pytestmark = pytest.mark.usefixtures("configured")

_TAGS = {"comment": SECRET.decode(), "location": "+52.5170+013.3889/", "title": SECRET.decode()}
_WITH_EXIF = ["JPEG", "PNG", "WEBP"]


def _pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return ImageOps.exif_transpose(image).convert("RGBA").tobytes()


def _archive() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("hidden", SECRET)
    return output.getvalue()


def _frames(content: bytes) -> list[bytes]:
    with av.open(io.BytesIO(content)) as container:
        shown = [each for each in container.streams if each.type in ("audio", "video")]
        return [bytes(frame.planes[0]) for frame in container.decode(shown)]


@pytest.mark.parametrize("kind", ["image", "file"])
@pytest.mark.parametrize("name", _WITH_EXIF)
def test_of_exif_only_the_orientation_stays(name: str, kind: str) -> None:
    content = media_files.picture(name, exif=media_files.exif(6))
    found, stored = examined(content, kind)
    assert SECRET in content
    assert SECRET not in stored
    with Image.open(io.BytesIO(stored)) as image:
        assert dict(image.getexif()) == {0x0112: 6}
    assert _pixels(stored) == _pixels(content)
    assert (found.width, found.height) == (40, 60)


@pytest.mark.parametrize("name", _WITH_EXIF)
def test_an_upright_picture_keeps_no_exif_at_all(name: str) -> None:
    _, stored = examined(media_files.picture(name, exif=media_files.exif()), "image")
    with Image.open(io.BytesIO(stored)) as image:
        assert not image.getexif()
        assert "exif" not in image.info


def test_damaged_exif_goes_without_harm() -> None:
    content = media_files.picture("JPEG")
    block = b"Exif\0\0MM\0\x2a\xff\xff\xff\xff" + SECRET
    found, stored = examined(content[:2] + _segment(0xE1, block) + content[2:], "image")
    assert (found.content_type, stored) == ("image/jpeg", content)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


def test_a_jpeg_loses_what_programs_wrote_into_it_and_keeps_its_colours() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = media_files.picture("JPEG", icc_profile=profile, progressive=True)
    foreign = b"".join(
        _segment(marker, named + SECRET)
        for marker, named in [
            (0xE0, b"JFXX\0"),
            (0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
            (0xE2, b"MPF\0"),
            (0xED, b"Photoshop 3.0\0"),
            (0xEF, b""),
            (0xFE, b""),
        ]
    )
    _, stored = examined(content[:20] + foreign + content[20:], "image")
    assert stored == content
    with Image.open(io.BytesIO(stored)) as image:
        assert image.info["icc_profile"] == profile


def test_a_png_loses_its_texts_and_times() -> None:
    texts = PngInfo()
    texts.add_text("Author", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    texts.add(b"tIME", b"\x07\xea\1\1\1\1\1")
    texts.add(b"prVt", SECRET)
    _, stored = examined(media_files.picture("PNG", pnginfo=texts, dpi=(72, 72)), "image")
    assert stored == media_files.picture("PNG", dpi=(72, 72))


def test_a_webp_and_a_gif_lose_their_texts() -> None:
    _, webp = examined(media_files.picture("WEBP", xmp=SECRET), "image")
    _, gif = examined(media_files.picture("GIF", comment=SECRET), "image")
    assert SECRET not in webp + gif
    assert _pixels(webp) == _pixels(media_files.picture("WEBP"))
    assert _pixels(gif) == _pixels(media_files.picture("GIF"))
    assert webp[12:16] == b"VP8X"
    assert not webp[20] & 0x0C  # it does not say either that it has any


@pytest.mark.parametrize("name", [*_WITH_EXIF, "GIF"])
def test_what_follows_a_picture_goes(name: str) -> None:
    content = media_files.picture(name)
    for behind in (_archive(), b"<script>alert('" + SECRET + b"')</script>"):
        _, stored = examined(content + behind, "image")
        assert stored == content


def test_a_gif_that_is_a_script_as_well_is_one_no_longer() -> None:
    content = bytearray(media_files.picture("GIF", comment=b"*/=1;alert(1)/*"))
    assert b"alert" not in examined(bytes(content), "image")[1]


@pytest.mark.parametrize("movflags", ["", "frag_keyframe+empty_moov", "use_metadata_tags"])
def test_an_mp4_keeps_its_frames_and_loses_the_rest(movflags: str) -> None:
    content = media_files.recording("mp4", video="libx264", audio="aac", tags=_TAGS, movflags=movflags)
    found, stored = examined(content, "video")
    assert SECRET in content
    assert SECRET not in stored
    assert b"+52.5170" not in stored
    assert len(stored) == len(content)
    assert _frames(stored) == _frames(content)
    assert found.content_type == "video/mp4"


def test_an_mp4_loses_the_times_at_which_it_was_recorded() -> None:
    content = media_files.recording("mp4", video="libx264", tags={"creation_time": "2026-01-02T03:04:05Z"})
    with av.open(io.BytesIO(content)) as before, av.open(io.BytesIO(examined(content, "video")[1])) as after:
        assert before.metadata["creation_time"].startswith("2026")
        assert not after.metadata.get("creation_time", "1904").startswith("2026")
        assert not after.streams[0].metadata.get("creation_time", "1904").startswith("2026")


def test_an_mp4_loses_what_its_other_tracks_say() -> None:
    content = media_files.with_places(media_files.recording("mp4", video="libx264"))
    _, stored = examined(content, "video")
    assert SECRET in content
    assert SECRET not in stored
    assert _frames(stored) == _frames(content)


@pytest.mark.parametrize("at", [0, 1])
def test_an_mp4_with_something_that_is_no_box_is_refused_as_a_video_and_cleaned_as_a_file(at: int) -> None:
    whole, behind = media_files.recording("mp4", video="libx264", tags=_TAGS), (b"somewhat", b"\0\0\1\0free")[at]
    with pytest.raises(NotThisKind):
        examined(whole + behind, "video")
    found, stored = examined(whole + behind, "file")
    assert (found.content_type, stored) == ("application/octet-stream", examined(whole, "video")[1] + behind)


@pytest.mark.parametrize(("brand", "codec"), [(b"qt  ", "libx264"), (b"isom", "mpeg2video"), (b"XAVC", "mpeg2video")])
def test_a_film_that_browsers_do_not_play_is_cleaned_as_a_file(brand: bytes, codec: str) -> None:
    content = media_files.with_places(media_files.recording("mp4", video=codec), tags=_TAGS)
    content = content[:8] + brand + content[12:]
    found, stored = examined(content, "file")
    assert content.count(SECRET) > 1
    assert SECRET not in stored
    assert b"+52.5170" not in stored
    assert _frames(stored) == _frames(content)
    assert found.content_type == "application/octet-stream"


def test_an_mp4_loses_the_clock_of_its_encoder() -> None:
    content = media_files.recording("mp4", video="libx264")
    clock = (8 + len(SECRET)).to_bytes(4) + b"prft" + SECRET
    _, stored = examined(content + clock, "video")
    assert SECRET not in stored
    assert len(stored) == len(content + clock)


@pytest.mark.parametrize(
    ("container", "codec"), [("ipod", "aac"), ("mp3", "libmp3lame"), ("webm", "libopus"), ("ogg", "libopus")]
)
def test_a_voice_keeps_its_sound_and_loses_its_tags(container: str, codec: str) -> None:
    content = media_files.recording(container, audio=codec, tags=_TAGS)
    _, stored = examined(content, "voice")
    assert SECRET in content
    assert SECRET not in stored
    assert _frames(stored) == _frames(content)


def test_an_mp3_loses_the_tag_at_its_end() -> None:
    content = media_files.recording("mp3", audio="libmp3lame")
    assert SECRET not in examined(content + b"TAG" + SECRET.ljust(125), "voice")[1]


@pytest.mark.parametrize("content", [_archive(), b"%PDF-1.7\n" + SECRET, media_files.picture("JPEG")[:-2] + SECRET])
def test_a_file_that_is_no_whole_picture_or_video_stays_as_it_is(content: bytes) -> None:
    found, stored = examined(content, "file")
    assert (found.content_type, stored) == ("application/octet-stream", content)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF"])
def test_a_damaged_picture_is_cleaned_as_a_file_as_far_as_it_makes_sense(name: str) -> None:
    content = media_files.picture(name, **({"comment": SECRET} if name == "GIF" else {"exif": media_files.exif()}))
    assert SECRET in content
    clean = examined(content, "image")[1]
    for cut in (1, 2, 30):
        found, stored = examined(content[:-cut], "file")
        assert (found.content_type, stored) == ("application/octet-stream", clean[:-cut])


def test_a_picture_too_large_to_look_at_is_cleaned_as_a_file() -> None:
    whole = media_files.png_bomb(10_000, 5_001)
    found, stored = examined(whole[:33] + media_files.png_chunk(b"tEXt", b"Author\0" + SECRET) + whole[33:], "file")
    assert (found.content_type, stored) == ("application/octet-stream", whole)


def test_metadata_stays_where_the_setting_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_KEEP_METADATA", "1")
    settings.cache_clear()
    picture = media_files.picture("JPEG", exif=media_files.exif(6))
    video = media_files.recording("mp4", video="libx264", tags=_TAGS)
    found, stored = examined(picture, "image")
    assert (found.width, found.height, stored) == (40, 60, picture)
    assert examined(video, "video")[1] == video
