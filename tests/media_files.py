"""Pictures, sound and films for tests, made in memory."""

import io
import zlib
from fractions import Fraction

import av
from av.audio import AudioStream
from av.video import VideoStream
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

SECRET = b"Unter den Linden 77"
_RATE = 48_000
_ZEROS = bytes(1 << 20)
_FRAMES_A_SECOND = 10


def picture(name: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    """Returns a picture of Pillow's format `name`, saved with `options`; its upper left quarter is red."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    return _saved(image.convert(mode), name, **options)


def noise(name: str, size: tuple[int, int], **options: object) -> bytes:
    """Returns a picture that does not compress well."""
    return _saved(Image.effect_noise(size, 60).convert("RGB"), name, **options)


def animation(name: str, frames: int, size: tuple[int, int] = (20, 20)) -> bytes:
    """Returns a GIF, WebP or PNG of so many frames."""
    images = [Image.new("RGB", size, (each * 37 % 256, each // 256 * 60, 99)) for each in range(frames)]
    return _saved(images[0], name, save_all=True, append_images=images[1:], duration=50)


def exif(orientation: int = 1) -> bytes:
    """Returns EXIF with an orientation, a place and SECRET."""
    block = Image.Exif()
    block[Base.Orientation] = orientation
    block[Base.Make] = SECRET.decode()
    block.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (52.0, 31.0, 0.0)
    return block.tobytes()


def slow_animation(frames: int = 240, side: int = 1_000) -> bytes:
    """Returns a WebP whose frames take seconds to decode: by default nearly as many pixels as are allowed."""
    still = noise("WEBP", (side, side), quality=1)[12:]
    edge = (side - 1).to_bytes(3, "little")
    header = _webp_chunk(b"VP8X", b"\2\0\0\0" + edge + edge) + _webp_chunk(b"ANIM", bytes(6))
    frame = _webp_chunk(b"ANMF", bytes(6) + edge + edge + b"\x32\0\0\0" + still)
    content = b"WEBP" + header + frame * frames
    return b"RIFF" + len(content).to_bytes(4, "little") + content


def _webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Returns a chunk of a PNG."""
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


def png_bomb(width: int, height: int) -> bytes:
    """Returns a small PNG of black pixels, however many."""
    left = ((width + 7) // 8 + 1) * height
    packer = zlib.compressobj(1)
    content = b"".join(packer.compress(_ZEROS[:each]) for each in range(left, 0, -len(_ZEROS))) + packer.flush()
    header = width.to_bytes(4) + height.to_bytes(4) + b"\1\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", content) + png_chunk(b"IEND", b"")


def recording(
    container: str,
    *,
    video: str = "",
    audio: str = "",
    seconds: float = 1,
    size: tuple[int, int] = (64, 48),
    turned: int = 0,
    tags: dict[str, str] | None = None,
    **options: str,
) -> bytes:
    """Returns what FFmpeg writes into a `container` with these codecs: grey noise and silence.

    `turned` is by how many degrees a player turns it.
    """
    output = io.BytesIO()
    given = {name: each for name, each in options.items() if each}
    with av.open(output, "w", format=container, container_options=given) as written:
        written.metadata.update(tags or {})
        film = written.add_stream(video, rate=_FRAMES_A_SECOND) if video else None
        sound = written.add_stream(audio, rate=_RATE) if audio else None
        if isinstance(film, VideoStream):
            film.width, film.height = size
            film.pix_fmt = "yuv420p"
            if turned:
                film.set_display_rotation(turned)
            for count in range(round(seconds * _FRAMES_A_SECOND)):
                frame = av.VideoFrame.from_image(Image.effect_noise(size, 60).convert("RGB"))
                frame.pts = count
                written.mux(film.encode(frame))
            written.mux(film.encode())
        if isinstance(sound, AudioStream):
            for frame in _silence(sound, seconds):
                written.mux(sound.encode(frame))
            written.mux(sound.encode())
    return output.getvalue()


def with_places(film: bytes, *, tags: dict[str, str] | None = None) -> bytes:
    """Returns an MP4 with a track of data beside its video, as cameras write the place into one."""
    output = io.BytesIO()
    with av.open(io.BytesIO(film)) as source, av.open(output, "w", format="mp4") as written:
        written.metadata.update(tags or {})
        video = written.add_stream_from_template(source.streams.video[0])
        data = written.add_data_stream("bin_data")
        data.time_base = Fraction(1, 1_000)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = video
                written.mux(packet)
        place = av.Packet(SECRET)
        place.stream, place.time_base, place.duration = data, data.time_base, 500
        place.pts = place.dts = 0
        written.mux(place)
    return output.getvalue()


def _silence(stream: AudioStream, seconds: float) -> list[av.AudioFrame]:
    context = stream.codec_context
    samples = context.frame_size or 1_024
    frames = []
    for start in range(0, round(seconds * _RATE), samples):
        frame = av.AudioFrame(format=context.format.name, layout=context.layout.name, samples=samples)
        frame.sample_rate = _RATE
        frame.pts = start
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frames.append(frame)
    return frames


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, name, **options)
    return output.getvalue()
