"""Tests that a thumbnail follows an upload; that a killed worker loses none, and that bad pictures hold up no other."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests

from db.blob import Blob, ThumbnailState
from infra.settings import settings
from infra.storage import new_name, storage
from infra.tasks import Task
from tests import databases, media, media_files
from tests.device import Device
from tests.journeys.conftest import Deployment
from tests.people import Web, answer, friends, new_user, send, upload
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack


@pytest.fixture
def running(fresh_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Yields a deployment without media workers, whose database and storage this process uses too."""
    with databases.configured(fresh_stack.database_url):
        monkeypatch.setenv("MEDIA_STORAGE", str(tmp_path / "media"))
        settings.cache_clear()
        storage.cache_clear()
        yield fresh_stack.start(beat=0, rpc=0)


@pytest.fixture
def silence() -> Iterator[dict[str, str]]:
    """Yields the settings of a storage that takes every request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield {
            "MEDIA_STORAGE": "s3://bucket/prefix",
            "S3_ENDPOINT": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "S3_ACCESS_KEY_ID": "a key of the tests",
            "S3_SECRET_ACCESS_KEY": databases.SECRET,
        }


def uploaded(data: bytes) -> int:
    """Store a picture that was uploaded long ago and has no thumbnail. Returns the id of its bytes."""
    name = new_name()
    storage().put(name, io.BytesIO(data))
    return media.wanted(name, size=len(data), create_time=media.LONG_AGO)


def row(blob_id: int) -> Blob:
    return media.blobs()[blob_id]


def test_a_worker_that_is_killed_in_a_thumbnail_loses_nothing(
    running: Stack, own_redis: RedisServer, silence: dict[str, str]
) -> None:
    web = Web(running.web_url)
    alice, bob = friends(web)
    device = Device(running.realtime_urls[0], bob.token).online()
    message = send(web, alice, bob)
    blob_id = uploaded(media_files.picture("JPEG", (640, 480)))
    media.carry(media.upload(blob_id, content_type="image/jpeg"), message)

    running.ask(Task.MAKE_THUMBNAIL, blob_id)
    running.ask(Task.SNAPSHOT)
    with redis.Redis.from_url(own_redis.url) as queues:
        wait_until(lambda: queues.exists("im:snapshot"), "the worker to have looked at its queues")
        assert queues.llen("media") == 1, "which do not have this task"
    worker = running.launch("media", **silence)  # it is not ready: its storage is silent
    wait_until(lambda: row(blob_id).thumbnail_attempts == 1, "a try")
    worker.kill()
    assert row(blob_id).thumbnail_state == ThumbnailState.WANTED

    bad = [uploaded(data) for data in (b"<svg/>", b"", media_files.png_bomb(20_000, 20_000))]
    for each in bad:
        media.upload(each)
    running.add("media")
    running.ask(Task.CLEAN_MEDIA)
    (updated,) = device.expect("message_updated")
    assert (updated["id"], updated["change_seq"]) == (message["id"], 2)
    wait_until(lambda: row(blob_id).thumbnail_state == ThumbnailState.MADE, "it to be made")
    wait_until(lambda: all(row(each).thumbnail_state == ThumbnailState.FAILED for each in bad), "the others to end")
    assert {each.name for each in storage().names("", 9)} >= {row(blob_id).name, row(blob_id).thumbnail_name}


def test_a_thumbnail_follows_an_upload(service: Deployment) -> None:
    web = service.web
    owner = new_user(web)
    picture = {"media_id": upload(web, owner, media_files.picture("PNG", (640, 480)), "image")["media_id"]}
    address: list[str] = []

    def shown() -> bool:
        address[:] = [answer(web.post("/media/v1/url", picture, owner.token))["media"]["thumbnail_url"]]
        return bool(address[0])

    wait_until(shown, "a thumbnail")
    found = requests.get(f"{web.url}{address[0]}", timeout=10)
    assert (found.status_code, found.headers["Content-Type"], found.content[8:12]) == (200, "image/webp", b"WEBP")
