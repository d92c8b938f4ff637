"""Tests that logs hold what happened, but never a message's content or a user's credentials."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from tests.embedded_run import EmbeddedRun
from tests.people import Web, friends, new_user
from tests.processes import wait_until
from tests.stack import Stack


@pytest.fixture
def refused_content(stack: Stack) -> Iterator[str]:
    """Yields a content that the database refuses to store."""
    content = uuid.uuid4().hex
    engine = create_engine(stack.database_url)
    refuse = "SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1048, MESSAGE_TEXT = 'refused by hand'"
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER refusing BEFORE INSERT ON im_message FOR EACH ROW "
                f"BEGIN IF NEW.content = '{content}' THEN {refuse}; END IF; END"
            )
        )
    yield content
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refusing"))
    engine.dispose()


def test_a_failing_insert_shows_no_content(web: Web, stack: Stack, refused_content: str) -> None:
    sender, recipient = friends(web)
    answer = web.post("/message/v1/send", {"to_user_id": recipient.id, "content": refused_content}, sender.token)
    assert (answer.status_code, refused_content in answer.text) == (500, False)
    process = stack.named("web")[0]
    wait_until(lambda: "refused by hand" in process.output(), "the error to be logged")
    assert refused_content not in process.output()


def test_a_refusal_leaves_neither_a_stack_nor_a_hash_in_the_log(embedded: EmbeddedRun) -> None:
    web = Web(embedded.url)
    somebody = new_user(web)
    taken = web.post("/user/v1/register", {"username": somebody.username, "password": "another long password"})
    absent = web.post("/message/v1/recall", {"message_id": 2**50}, somebody.token)
    assert (taken.status_code, absent.status_code) == (409, 404)
    for _ in range(2):
        web.post("/user/v1/refresh", token=somebody.refresh_token)
    wait_until(lambda: "refresh_token_reused" in embedded.output(), "all before it to be logged")
    assert "$argon2id" not in embedded.output()
    assert "Traceback" not in embedded.output()
