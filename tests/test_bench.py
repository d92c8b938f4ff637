"""Tests of the benchmark itself: a tiny run of one row, and the chart."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jwt
import orjson
import pytest
from websockets.frames import Frame
from websockets.protocol import OPEN, SERVER, Protocol

from actions import groups
from bench import disk, people
from bench.bulk import Bulk
from bench.chart import draw, margin
from bench.figures import Row, missing, row
from bench.layers import functions, shares
from bench.people import directed
from bench.reaches import REACHES
from bench.requests import frame_maker, maker, stamp
from bench.speed import lines, replaced
from db.outbox import Kind
from messaging.groups.roles import Role
from tests.processes import ROOT

FIELDS = {"name", "value", "unit", "baseline", "ratio", "reach", "holds"}


def a_row(name: str, value: float, baseline: float = 1.0) -> Row:
    return row(name, "x", [(value, baseline)] * 3, measured="a", compared="b")


def test_a_tiny_run_writes_the_rows_it_was_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "--only", "send", "--seconds", "0.3", "--output", str(output)]
    environment = {name: value for name, value in os.environ.items() if name != "BENCH_DIR"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(output.read_text())["rows"]
    assert found.keys() >= FIELDS
    assert (found["name"], found["reach"], len(found["rounds"])) == ("send", "≥ 0.40", 3)
    assert found["value"] > 0
    assert found["baseline"] > 0
    assert found["spread"][0] <= found["ratio"] <= found["spread"][1]
    assert "send" in done.stdout


def test_a_row_holds_by_the_median_of_its_rounds() -> None:
    found = row("drain", "events/s", [(20, 1), (12, 1), (1, 1)], measured="a", compared="b")
    assert (found.ratio, found.spread, found.holds) == (12, (1, 20), True)
    assert a_row("drain", 9.9).holds is False
    assert a_row("send alone", 3.1).holds is False
    assert a_row("group commit", 2).holds is None


def test_data_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disk, "filesystem", lambda _: "tmpfs")
    with pytest.raises(disk.NotOnDisk):
        disk.require(tmp_path)


def test_the_chart_shows_every_row_with_a_reach() -> None:
    rows = [a_row(name, 1.0).plain() for name in REACHES]
    drawn = draw(rows)
    assert all(f">{name}<" in drawn for name, reach in REACHES.items() if reach.least or reach.most)
    assert ">group commit<" not in drawn


def test_a_line_of_the_table_holds_when_every_run_did() -> None:
    runs = [[a_row(name, value).plain() for name in REACHES] for value in (12, 11, 9)]
    drain = next(line for line in lines(runs) if "**drain**" in line)
    assert [cell.strip() for cell in drain.split("|")[2:-1]] == ["11 x", "1: b", "12 / 11 / 9", "≥ 10 ×", "**missed**"]
    assert "holds" in next(line for line in lines(runs[:2]) if "**drain**" in line)


def test_a_line_of_the_table_tells_of_a_run_that_did_not_measure_its_row() -> None:
    runs = [[a_row("drain", 12).plain()], [missing("drain", "the time was up").plain()], []]
    drain = next(line for line in lines(runs) if "**drain**" in line)
    assert [cell.strip() for cell in drain.split("|")[2:-1]] == ["12 x", "1: b", "12 / - / -", "≥ 10 ×", "not measured"]


def test_the_table_takes_the_place_of_the_one_in_the_document() -> None:
    document = (ROOT / "docs/speed.md").read_text()
    written = replaced(document, ["| a table |"])
    assert "| a table |" in written
    assert "**drain**" in document
    assert "**drain**" not in written
    assert written.splitlines()[-1] == document.splitlines()[-1]
    with pytest.raises(ValueError, match="substring"):
        replaced("no marks", [])


def test_twice_as_good_is_one_step_to_the_right() -> None:
    assert margin("drain", 20) == 1
    assert margin("send alone", 1.5) == 1
    assert margin("send alone", 6) == -1


def test_a_frame_that_comes_before_its_answer_is_shown_as_the_best() -> None:
    drawn = draw([a_row("after the answer", -0.5).plain()])
    assert ">-0.5 ×, must be ≤ 10 ×<" in drawn
    assert a_row("after the answer", -0.5).holds is True


def test_the_frames_that_send_carry_what_the_requests_do() -> None:
    make = frame_maker(1, 20, senders=2)
    sent = [make(stamp(number)) for number in range(40)]
    assert {user for user, _ in sent} == {1, 2}
    users, frames = zip(*sent, strict=True)
    protocol = Protocol(SERVER, state=OPEN)
    protocol.receive_data(b"".join(frames))
    received = [orjson.loads(frame.data) for frame in protocol.events_received() if isinstance(frame, Frame)]
    assert [each["type"] for each in received] == ["send"] * 40
    assert [int(each["content"]["client_msg_id"]) for each in received] == list(range(40))
    assert {(user, each["content"]["to_user_id"]) for user, each in zip(users, received, strict=True)} == {
        (one, other) for one, other in directed(1, 20) if one <= 2
    }


def test_the_requests_about_groups_are_of_every_member_in_their_group() -> None:
    for kind, path in (("group send", b"/message/v1/send"), ("group read", b"/message/v1/read")):
        make = maker(kind, "here", 1, 20, size=10)
        made = [make(stamp(number)) for number in range(20)]
        assert all(each.startswith(b"POST " + path) for each in made)
        bodies = [orjson.loads(each.partition(b"\r\n\r\n")[2]) for each in made]
        named = [str(body.get("group_id", body.get("conversation_id"))).removeprefix("group_") for body in bodies]
        assert Counter(named) == {"1": 10, "11": 10}, "the id of a group's first member"
        who = [jwt.decode(_token(each), options={"verify_signature": False})["sub"] for each in made]
        assert {int(user) for user in who} == set(range(1, 21))
        assert all((int(user) > 10) == (name == "11") for user, name in zip(who, named, strict=True))


def _token(request: bytes) -> bytes:
    return request.partition(b"Bearer ")[2].partition(b"\r\n")[0]


def test_groups_that_are_filled_in_are_as_the_rules_would_have_left_them(mariadb_database: str) -> None:
    bulk = Bulk(mariadb_database)
    with bulk.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        if "MariaDB" not in cursor.fetchone()[0]:
            pytest.skip("the bench fills MariaDB alone")
    made = people.groups(501, 6, size=3)
    bulk.users(501, 6)
    bulk.groups(made)
    bulk.group_messages({504: made[504]}, 5, events=True)
    assert groups.info(504, group_id=504)["my_role"] == Role.OWNER
    found = groups.members(505, group_id=504)
    assert ([each["user_id"] for each in found["members"]], found["total"]) == ([504, 506, 505], 3)
    head = "SELECT last_seq, change_seq, counted, members_seq, last_message_id = (SELECT MAX(id) FROM im_message) "
    with bulk.cursor() as cursor:
        cursor.execute(f"{head} FROM im_conversation_head WHERE conversation_id = 'group_504'")
        assert cursor.fetchone() == (6, 6, 5, 1, 1)
        cursor.execute("SELECT COUNT(*), MIN(kind), MAX(kind) FROM im_outbox WHERE conversation_id = 'group_504'")
        assert cursor.fetchone() == (5, Kind.SENT, Kind.SENT)
        cursor.execute("SELECT user_id, base FROM im_conversation WHERE conversation_id = 'group_504' ORDER BY user_id")
        assert cursor.fetchall() == ((504, 5), (505, 0), (506, 0)), "the author has nothing unread"
    bulk.unread({504: made[504]})
    assert bulk.group_seq(504) == 6


def test_the_innermost_function_of_a_layer_tells_where_a_sample_was() -> None:
    view, driver = f"send ({ROOT}/web/send.py)", "query (/x/site-packages/pymysql/connections.py)"
    recv = "recv (/x/site-packages/gevent/_socket3.py)"
    stacks = Counter({(view, driver, recv): 3, (view, "dumps (/x/json/__init__.py)"): 2, (recv,): 1})
    assert shares(stacks) == {"database: PyMySQL, SQLAlchemy, db/": 3 / 6, "ours: web/": 2 / 6, "gevent's loop": 1 / 6}
    assert functions(stacks).most_common(1) == [("query (pymysql/connections.py)", 3)]
