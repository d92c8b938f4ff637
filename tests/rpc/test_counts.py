"""Tests of the metrics that a process counts, read as an operator reads them."""

from sqlalchemy import text

from db.session import write
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend
from tests.rpc.client import Client, refused
from tests.rpc.conftest import MakeDoor


def test_sends_are_counted_by_outcome(door: MakeDoor, database: str) -> None:
    befriend(ALICE, BOB)
    process = door(DATABASE_URL=database)
    process.start()
    client = Client(process.address)
    for _ in range(3):
        client.SendMessage(from_user_id=ALICE, to_user_id=BOB, content="hello", client_msg_id="k")
    assert refused(client.start("SendMessage", from_user_id=ALICE, to_user_id=CAROL, content="hello"))
    write(lambda session, _: session.execute(text("DROP TABLE im_message")))
    assert refused(client.start("SendMessage", from_user_id=ALICE, to_user_id=BOB, content="hello"))
    counted = {labels: value for (name, labels), value in process.metrics().items() if name == "im_sends_total"}
    outcomes = {"stored": 1, "duplicate": 2, "refused": 1, "unavailable": 1}
    assert counted == {(("outcome", outcome),): value for outcome, value in outcomes.items()}
