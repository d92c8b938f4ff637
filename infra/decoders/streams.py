"""Voice and video by FFmpeg: what a container holds, how long it is, and its first frame."""

from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any, BinaryIO, cast

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from infra.decoders.found import NotThisKind
from infra.decoders.pictures import MAX_PIXELS

# FFmpeg's readers, named so that it never guesses another, and the codecs that browsers play.
_READERS = {"mp4": "mov", "webm": "matroska", "ogg": "ogg", "mpeg": "mp3", "aac": "aac"}
_CODECS = {"aac", "mp3", "opus", "vorbis", "flac", "alac", "h264", "hevc", "vp8", "vp9", "av1", "mpeg4"}
MAX_PACKETS = 500_000  # over an hour of video
MAX_MILLISECONDS = 1_000_000_000
_FIRST_PACKETS = 500  # among which a frame must be


@dataclass(slots=True)
class Measured:
    """What a container holds: pixels as shown, 0 without a video track; and where packets lie that are neither."""

    width: int = 0
    height: int = 0
    milliseconds: int = 0
    others: list[tuple[int, int]] = field(default_factory=list)


def opened(file: BinaryIO, content_type: str) -> InputContainer:
    """Returns a container whose header has been read. Raises what FFmpeg raises."""
    file.seek(0)
    reader = _READERS[content_type.partition("/")[2]]
    return cast(InputContainer, av.open(file, format=reader, metadata_errors="replace"))


def measured(file: BinaryIO, content_type: str) -> Measured:
    """Returns what a container holds, by its first frame and all its packets.

    Headers are not asked how long it is: they may lie, and those that browsers record say nothing. Raises
    NotThisKind, or what FFmpeg raises.
    """
    found = Measured()
    with opened(file, content_type) as container:
        shown = {each.index for each in _shown(container)}
        for index in shown:
            each = container.streams[index]
            frame = first_frame(container, each)
            if each.type == "video" and not found.width:
                found.width, found.height = shown_size(frame)
            container.seek(0)
    with opened(file, content_type) as container:
        _follow(container, shown, found)
    return found


def others(file: BinaryIO, content_type: str) -> list[tuple[int, int]]:
    """Returns where packets lie that are neither sound nor moving pictures, whatever the codecs of those are.

    Of what is damaged, or is of more than MAX_PACKETS, those are told that come before.
    """
    found: list[tuple[int, int]] = []
    with suppress(av.error.FFmpegError), opened(file, content_type) as container:
        for packet in islice(container.demux(), MAX_PACKETS):
            if packet.stream.type not in ("audio", "video") and packet.pos is not None and packet.size:
                found.append((packet.pos, packet.size))
    return found


def first_frame(container: InputContainer, stream: Stream) -> Any:
    """Returns the first frame of a stream. Raises NotThisKind when there is none."""
    context = cast(Any, stream).codec_context
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    for count, packet in enumerate(container.demux(stream)):
        for frame in packet.decode():
            return frame
        if count > _FIRST_PACKETS:
            break
    raise NotThisKind(f"no {stream.type} where its track is")


def video_track(container: InputContainer) -> Stream:
    """Returns the stream that a player shows. Raises NotThisKind when there is none."""
    for each in _shown(container):
        if each.type == "video":
            return each
    raise NotThisKind("no video track")


def shown_size(frame: Any) -> tuple[int, int]:
    """Returns width and height of a frame, turned as it is shown."""
    return (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)


def _shown(container: InputContainer) -> list[Stream]:
    """Returns the streams of sound and moving pictures. Raises NotThisKind for none, or codecs that few can play."""
    found = [
        each
        for each in container.streams
        if each.type in ("audio", "video") and not each.disposition & Disposition.attached_pic
    ]
    codecs = {_codec(each) for each in found}
    if not codecs or codecs - _CODECS:
        raise NotThisKind(f"codecs {sorted(codecs)}")
    return found


def _codec(stream: Stream) -> str:
    context = cast(Any, stream).codec_context
    return str(context.codec.canonical_name) if context else "unknown"


def _follow(container: InputContainer, shown: set[int], found: Measured) -> None:
    """Fill in how long the streams that are shown last, and where the packets of others lie."""
    spans: dict[int, tuple[int, int]] = {}
    for count, packet in enumerate(container.demux()):
        if count > MAX_PACKETS:
            raise NotThisKind(f"over {MAX_PACKETS} packets")
        time = packet.dts if packet.pts is None else packet.pts
        if packet.stream_index not in shown:
            if packet.pos is not None and packet.size:
                found.others.append((packet.pos, packet.size))
        elif time is not None:
            first, last = spans.get(packet.stream_index, (time, time))
            spans[packet.stream_index] = (min(first, time), max(last, time + (packet.duration or 0)))
    units = {index: container.streams[index].time_base or Fraction(0) for index in spans}
    begin = min((first * units[index] for index, (first, _) in spans.items()), default=0)
    end = max((last * units[index] for index, (_, last) in spans.items()), default=0)
    found.milliseconds = round((end - begin) * 1_000)
    if not 0 < found.milliseconds <= MAX_MILLISECONDS:
        raise NotThisKind(f"{found.milliseconds} ms")
