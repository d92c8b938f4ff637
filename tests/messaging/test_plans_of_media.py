"""Tests that on a large MariaDB the statements of thumbnails and of the upkeep of media use indexes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from messaging import blob_messages, media, media_audit, media_upkeep, thumbnails
from tests import databases
from tests.messaging.test_media import upload
from tests.messaging.test_plans import SPARE, Rule, check, statements_of
from tests.servers import Databases

MANY = 20_000
MEME = 77  # bytes that many users have uploaded, and many messages carry
_TIME = "UTC_TIMESTAMP()"
_LOAD = [
    f"INSERT INTO im_blob (id, sha256, size, name, thumbnail_state, thumbnail_name, thumbnail_attempts, create_time) "
    f"SELECT seq, UNHEX(SHA2(seq, 256)), 7, MD5(seq), IF(seq % 1000 = {MEME}, 1, 2), MD5(-seq), 0, '2001-01-01' "
    f"FROM seq_1_to_{MANY}",
    "INSERT INTO im_media (id, user_id, kind, blob_id, content_type, width, height, duration, sent, unused_since, "
    f"create_time) SELECT MD5(CONCAT('m', seq)), 1, 2, IF(seq % 10, seq, {MEME}), 'image/png', 1, 1, 0, 1, "
    f"IF(seq % 100 = 1, '2001-01-01', NULL), {_TIME} FROM seq_1_to_{MANY}",
    "INSERT INTO im_media_use (media_id, message_id, conversation_id, seq, low_id, high_id) "
    f"SELECT MD5(CONCAT('m', seq)), seq, '1_2', seq, 1, 2 FROM seq_1_to_{MANY} WHERE seq % 100 <> 1",
    "INSERT INTO im_message (id, from_user_id, to_user_id, conversation_id, message_type, content, status, seq, "
    f"del_state, create_time, update_time, version, change_seq) SELECT seq, 1, 2, '1_2', 2, '', 1, seq, 0, {_TIME}, "
    f"{_TIME}, 0, seq FROM seq_1_to_{MANY}",
    "INSERT INTO im_conversation_head (conversation_id, shard, last_seq, change_seq) "
    f"VALUES ('1_2', 1, {MANY}, {MANY})",
]


_TABLES = "im_blob, im_media, im_media_use, im_message, im_conversation_head"


@pytest.fixture(scope="module")
def large(mariadb: Databases) -> Iterator[str]:
    """Point the test process at a database with many uploads. Yields its URL."""
    url = mariadb.create_database()
    with databases.filled(url, _LOAD, _TABLES):
        yield url


def calling(rule: Any, **arguments: Any) -> Rule:
    return lambda session, now: rule(session, now, **arguments)


def recording(data: bytes) -> Rule:
    """Returns the rule that records an upload of these bytes by a user who has uploaded nothing else."""
    return calling(media.record, upload=upload(10**9, data=data, user_id=2))


CALLS: dict[str, Rule] = {
    "record": recording(b"new"),
    "record known bytes": recording(b"7"),
    "replace bytes": calling(media.replace_bytes, blob_id=MEME, old="x", new="y"),
    "begin": calling(thumbnails.begin, blob_id=MEME),
    "keep": calling(thumbnails.keep, blob_id=MEME, name="x", thumbnail_name="y"),
    "tell": calling(thumbnails.tell, blob_id=MEME, after=blob_messages.BEGINNING),
    "tell further": calling(thumbnails.tell, blob_id=MEME, after=("8", 0)),
    "overdue": calling(thumbnails.overdue, older_than=timedelta(minutes=1), after=0, limit=100),
    "remove unused": calling(media_upkeep.remove_unused, limit=100),
    "stray blobs": calling(media_upkeep.stray_blobs, after=500, limit=1_000),
    "remove blobs": calling(media_upkeep.remove_blobs, ids=[MEME, 500]),
    "overdue, further": calling(thumbnails.overdue, older_than=timedelta(minutes=1), after=9_000, limit=5),
    "removable": calling(media_upkeep.removable, stored=[("f" * 32, 1)] * 10),
    "named": calling(media_audit.named, after="8", limit=100),
    "is named": calling(media_audit.is_named, name="f" * 32),
    "carrying": calling(media_audit.carrying, blob_id=MEME, limit=100),
}

# Of each blob of a page one upload is looked up.
COUNTED = {"stray blobs": 1_000}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_reads_little_more_than_it_answers(large: str, name: str) -> None:
    asked = statements_of(CALLS[name])
    assert asked
    check(asked, COUNTED.get(name, 0) + SPARE)
