"""Tests of the metrics that a process counts, read as an operator reads them."""

import re

import requests
from sqlalchemy import text

from db.session import write
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend
from tests.processes import free_port
from tests.rpc.client import Client, refused
from tests.rpc.conftest import MakeDoor


def test_sends_are_counted_by_outcome(door: MakeDoor, database: str) -> None:
    befriend(ALICE, BOB)
    port = free_port()
    process = door(DATABASE_URL=database, RPC_METRICS_PORT=str(port))
    process.start()
    client = Client(process.address)
    for _ in range(3):
        client.SendMessage(from_user_id=ALICE, to_user_id=BOB, content="hello", client_msg_id="k")
    assert refused(client.start("SendMessage", from_user_id=ALICE, to_user_id=CAROL, content="hello"))
    write(lambda session, _: session.execute(text("DROP TABLE im_message")))
    assert refused(client.start("SendMessage", from_user_id=ALICE, to_user_id=BOB, content="hello"))
    shown = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    counted = dict(re.findall(r'^im_sends_total\{outcome="(\w+)"\} ([\d.]+)$', shown, re.MULTILINE))
    assert counted == {"stored": "1.0", "duplicate": "2.0", "refused": "1.0", "unavailable": "1.0"}
