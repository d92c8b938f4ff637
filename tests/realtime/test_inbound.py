"""Tests that a client's frame is handled or refused with an `error` frame, within its rate limit."""

import time
from typing import Any

import orjson
import pytest

from messaging.errors import Code
from realtime.frames import BadFrame
from realtime.inbound import BURST, MOST_REFUSED, RATE, Bucket, Pings, handle


class Client:
    """Replaces a Connection, with a clock that the test moves and a bucket of its own."""

    def __init__(self, *, limited: bool = True) -> None:
        self.now = 1_000.0
        self.pushed: list[dict[str, Any]] = []
        self.acked: list[tuple[str, int]] = []
        self.signs = 0
        self.outbound = self
        self.server_time = lambda: int(time.time())
        self.closed: int | None = None
        self.bucket = Bucket(limited=limited, clock=lambda: self.now)
        self.sent: list[dict[str, Any]] = []
        self.refuses: BadFrame | None = None

    def say(self, kind: Any, content: Any = None) -> dict[str, Any] | None:
        """Send a frame. Returns the frame that comes back, None without one."""
        return self.send(orjson.dumps({"type": kind, "content": content}).decode())

    def send(self, raw: str | bytes) -> dict[str, Any] | None:
        """Send any text or bytes. Returns the frame that comes back, None without one."""
        before = len(self.pushed)
        handle(self, self.bucket, self, raw)  # type: ignore[arg-type]
        assert len(self.pushed) <= before + 1
        return self.pushed[-1] if len(self.pushed) > before else None

    def push(self, raw: bytes) -> None:
        self.pushed.append(orjson.loads(raw[raw.index(b"{") :]))

    def take(self, content: dict[str, Any]) -> None:
        """Take a message to send, in place of Sends."""
        if self.refuses:
            raise self.refuses
        self.sent.append(content)

    def ack(self, conversation_id: str, seq: int) -> None:
        self.acked.append((conversation_id, seq))

    def heard(self) -> None:
        self.signs += 1

    def close(self, code: int, _reason: str) -> None:
        self.closed = code


@pytest.fixture
def client() -> Client:
    return Client()


def refusal(answer: dict[str, Any] | None) -> tuple[int, str | None]:
    """Returns the code and the type of an `error` frame."""
    assert answer is not None
    assert answer["type"] == "error"
    assert answer["content"]["detail"]
    return answer["content"]["code"], answer["content"]["type"]


def test_a_ping_is_answered_with_the_time(client: Client) -> None:
    answer = client.say("ping", {"anything": [1]})
    assert answer is not None
    assert answer["type"] == "pong"
    assert set(answer["content"]) == {"server_time"}
    assert isinstance(answer["content"]["server_time"], int)


@pytest.mark.parametrize("seq", [1, 2, 2**53 - 1])
def test_an_ack_is_passed_on(client: Client, seq: int) -> None:
    assert client.say("ack", {"conversation_id": "1_2", "seq": seq}) is None
    assert client.acked == [("1_2", seq)]


@pytest.mark.parametrize(
    "seq",
    [*(True, False, 0, -1, 2**53, 2**63, 2**64 - 1, -(2**63)), *("1", "", 1.0, 1.5, None, [], [1], {}, {"seq": 1})],
    ids=ascii,
)
def test_an_ack_of_no_seq_is_refused(client: Client, seq: Any) -> None:
    assert refusal(client.say("ack", {"conversation_id": "1_2", "seq": seq})) == (Code.INVALID, "ack")
    assert client.acked == []


@pytest.mark.parametrize("raw", ["1e400", "1e3", "9" * 30, "NaN", "01"])
def test_a_number_beyond_json_is_no_seq(client: Client, raw: str) -> None:
    code, _ = refusal(client.send(f'{{"type":"ack","content":{{"conversation_id":"1_2","seq":{raw}}}}}'))
    assert code == Code.INVALID
    assert client.acked == []


@pytest.mark.parametrize("name", [None, 1, True, [], {}])
def test_an_ack_of_no_conversation_is_refused(client: Client, name: Any) -> None:
    assert refusal(client.say("ack", {"conversation_id": name, "seq": 1})) == (Code.INVALID, "ack")


@pytest.mark.parametrize("content", [None, {}, {"seq": 1}, {"conversation_id": "1_2"}])
def test_an_ack_with_something_missing_is_refused(client: Client, content: Any) -> None:
    assert refusal(client.say("ack", content)) == (Code.INVALID, "ack")


@pytest.mark.parametrize("kind", ["", "PING", "new_message", "hello", "__class__", "😀"])
def test_an_unknown_type_is_refused_by_its_name(client: Client, kind: str) -> None:
    assert refusal(client.say(kind)) == (Code.INVALID, kind)


@pytest.mark.parametrize(
    "raw", ["", "nonsense", "[]", b'{"type":"ping"}', '{"type":1}', "[" * 60_000], ids=lambda r: r[:9]
)
def test_what_is_no_frame_is_refused(client: Client, raw: str | bytes) -> None:
    assert refusal(client.send(raw)) == (Code.INVALID, None)


def test_content_that_is_no_object_is_refused(client: Client) -> None:
    assert refusal(client.say("ack", [1])) == (Code.INVALID, "ack")


def test_whatever_is_sent_is_a_sign_of_life(client: Client) -> None:
    for raw in ('{"type":"ping"}', "nonsense", b""):
        client.send(raw)
    assert client.signs == 3


def pings(client: Client, count: int) -> list[bool]:
    """Send pings. Returns whether each was answered. The others must be refused as too many."""
    answers = [client.say("ping") for _ in range(count)]
    for answer in answers:
        assert answer is not None
        assert answer["type"] == "pong" or refusal(answer)[0] == Code.TOO_MANY_REQUESTS
    return [answer is not None and answer["type"] == "pong" for answer in answers]


def test_a_burst_is_allowed_and_no_more(client: Client) -> None:
    burst = int(BURST)
    assert pings(client, burst + 5) == [True] * burst + [False] * 5


def test_a_rate_is_allowed_for_ever(client: Client) -> None:
    pings(client, int(BURST))
    for _ in range(100):
        client.now += 1 / RATE + 1e-6
        assert pings(client, 1) == [True]
        assert pings(client, 1) == [False]


def test_a_pause_saves_up_one_burst_at_most(client: Client) -> None:
    client.now += 3600
    burst = int(BURST)
    assert pings(client, burst + 1) == [True] * burst + [False]


def test_refused_frames_cost_nothing(client: Client) -> None:
    pings(client, int(BURST) + 1_000)
    client.now += 1 / RATE + 1e-6
    assert pings(client, 2) == [True, False]


def test_bad_frames_count_as_well(client: Client) -> None:
    for _ in range(int(BURST)):
        client.send("nonsense")
    assert pings(client, 1) == [False]


def test_what_comes_too_often_is_not_done(client: Client) -> None:
    pings(client, int(BURST))
    answer = client.say("ack", {"conversation_id": "1_2", "seq": 1})
    assert refusal(answer)[0] == Code.TOO_MANY_REQUESTS
    assert client.acked == []


def test_without_rate_limits_nothing_is_too_often() -> None:
    assert all(pings(Client(limited=False), int(BURST) * 3))


def test_who_goes_on_is_closed(client: Client) -> None:
    pings(client, int(BURST) + MOST_REFUSED)
    assert client.closed is None
    pings(client, 1)
    assert client.closed == 1008


def test_refusals_of_another_minute_are_forgotten(client: Client) -> None:
    pings(client, int(BURST) + MOST_REFUSED)
    client.now += 61
    pings(client, int(BURST) + MOST_REFUSED)
    assert client.closed is None


def test_reading_pauses_until_a_frame_is_within_the_rate(client: Client) -> None:
    bucket = client.bucket
    assert bucket.pause() == 0
    for _ in range(int(BURST)):
        bucket.take()
    assert bucket.pause() == pytest.approx(1 / RATE)
    client.now += 1 / RATE + 1e-6
    assert bucket.pause() == 0


def test_sends_have_limits_of_their_own(client: Client) -> None:
    for number in range(10 * int(BURST)):
        assert client.say("send", {"number": number}) is None
    assert [each["number"] for each in client.sent] == list(range(10 * int(BURST)))
    assert pings(client, int(BURST) + 1) == [True] * int(BURST) + [False]
    assert client.say("send", {"number": -1}) is None, "other frames leave sends alone"


def test_a_refused_send_is_answered_by_its_key_and_counts_as_a_frame(client: Client) -> None:
    client.refuses = BadFrame("too many sends", "send", Code.TOO_MANY_REQUESTS, "k1")
    for _ in range(int(BURST)):
        answer = client.say("send", {})
        assert refusal(answer) == (Code.TOO_MANY_REQUESTS, "send")
        assert answer is not None
        assert answer["content"]["client_msg_id"] == "k1"
    assert client.bucket.pause() == pytest.approx(1 / RATE)
    assert pings(client, 1) == [False]


def test_who_goes_on_sending_what_is_refused_is_closed(client: Client) -> None:
    client.refuses = BadFrame("send needs client_msg_id", "send")
    for _ in range(int(BURST) + MOST_REFUSED):
        client.say("send", {})
    assert client.closed is None
    client.say("send", {})
    assert client.closed == 1008


def test_a_send_without_an_object_is_a_bad_frame(client: Client) -> None:
    answer = client.say("send", [1])
    assert refusal(answer) == (Code.INVALID, "send")
    assert client.sent == []
    client.bucket.take()
    assert pings(client, int(BURST)) == [True] * (int(BURST) - 2) + [False] * 2


def test_other_refusals_name_no_key(client: Client) -> None:
    answer = client.say("ack", {"client_msg_id": "k1"})
    assert answer is not None
    assert answer["content"].keys() == {"code", "detail", "type"}


class Answered:
    """Replaces a Connection that always has a ping due, and counts the pongs that reach it."""

    def __init__(self) -> None:
        self.outbound = self
        self.pongs = 0
        self.errors = 0

    def due_ping(self) -> bytes:
        return b"ping"

    def pong(self, _payload: bytes) -> None:
        self.pongs += 1

    def push(self, _frame: bytes) -> None:
        self.errors += 1


def test_a_pong_for_each_ping_of_ours_is_free_and_others_count() -> None:
    connection = Answered()
    answers = Pings(connection, Bucket(limited=True, clock=lambda: 1_000.0))  # type: ignore[arg-type]
    for _ in range(1_000):
        answers.due()
        answers.pong(bytes(8))
    assert (connection.pongs, connection.errors) == (1_000, 0)
    for _ in range(int(BURST) + 30):
        answers.pong(bytes(8))
    assert (connection.pongs, connection.errors) == (1_000 + BURST, 30)
