"""Tests that real processes show what the alerts and the dashboard ask for, each kind what the document says of it."""

from typing import NamedTuple

import pytest
import yaml
from prometheus_client import Metric

from infra.exposition import PORTS
from infra.tasks import Task
from tests import documents, media_files
from tests.deploy.queries import ADDED, PROMETHEUS, grouped, matchers, names, queries
from tests.device import Device
from tests.documents import table
from tests.operations.counting import counted
from tests.people import Web, friends, send, upload
from tests.rpc.client import Client
from tests.stack import Service, Stack

ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
TOLD = {row["Metric"].strip("`"): row for row in table(documents.text("docs/metrics.md"), "Metric")}
# A series with labels begins with its first event. These kinds meet none here: test_metrics.py has them.
SELDOM = {
    "im_audit_drift_total": {"worker"},
    "im_frames_dropped_total": {"realtime"},
    "im_loop_stumbles_total": {"web", "realtime", "rpc", "beat"},
    "im_loop_turned_timestamp_seconds": {"beat"},  # with a canary
    "im_media_cleaned_total": {"media"},
    "im_outbox_depth": {"beat"},
    "im_outbox_oldest_seconds": {"beat"},
    "im_retention_removed_total": {"worker"},
}


class Shown(NamedTuple):
    """What processes show: the labels of each metric that has samples, by the kind and the name, and all names."""

    labels: dict[str, dict[str, set[str]]]
    names: set[str]


@pytest.fixture(scope="module")
def shown(stack: Stack) -> Shown:
    """Let something happen to each kind of process. Returns what they show then."""
    live(stack)
    labels: dict[str, dict[str, set[str]]] = {kind: {} for kind in PORTS}
    found = {"up"}  # made by Prometheus
    for kind in PORTS:
        for process in stack.named(kind):
            if isinstance(process, Service) and process.running:
                for family in process.families():
                    found.update(scraped(family))
                    for sample in family.samples:
                        labels[kind].setdefault(sample.name, set()).update(sample.labels)
    return Shown(labels, found)


def scraped(family: Metric) -> list[str]:
    return [family.name + ending for ending in ENDINGS.get(family.type, ("",))]


def live(stack: Stack) -> None:
    """Do what most series begin with."""
    web = Web(stack.web_url, address="127.0.0.1")  # which does not wait and call again
    alice, bob = friends(web)
    device = Device(stack.realtime_urls[0], bob.token).online()
    send(web, alice, bob)
    device.expect("new_message")  # which begins a run: the next continue it, by the fast path
    with counted(stack, "realtime", "im_push_seconds_count", until="answered"):
        for number in range(60):
            web.post(
                "/message/v1/send", {"to_user_id": bob.id, "content": "hi", "client_msg_id": f"{number}"}, alice.token
            )
    with (
        counted(stack, "realtime", "im_sends_total"),
        counted(stack, "realtime", "im_fast_messages_total"),
        counted(stack, "rpc", "im_fast_messages_total"),
        counted(stack, "media", "im_thumbnails_total"),
        counted(stack, "beat", "im_snapshot_timestamp_seconds"),
    ):
        stack.ask(Task.SNAPSHOT)
        device.say("send", {"to_user_id": alice.id, "message_type": 1, "content": "hi", "client_msg_id": "c"})
        Client(stack.rpc_address).SendMessage(from_user_id=bob.id, to_user_id=alice.id, message_type=1, content="hi")
        own = media_files.picture("png", (61, 41))  # bytes that are known have their thumbnail already
        picture = upload(web, alice, own, "image")
        assert web.get(f"/media/v1/{picture['media_id']}", alice.token).ok
    for _ in range(300):
        device.say("unheard of")
    device.wait_closed()


def kinds_of(row: dict[str, str]) -> set[str]:
    """Returns the kinds of process that the document names for a metric."""
    told = row["Counted by"]
    return set(PORTS) - {told.removeprefix("all but ")} if told.startswith("all but ") else set(told.split(", "))


def test_each_kind_shows_the_metrics_that_the_document_says_it_counts(shown: Shown) -> None:
    for name, row in TOLD.items():
        sample = name + ("_count" if row["Kind"] == "histogram" else "")
        showing = {kind for kind, labels in shown.labels.items() if sample in labels}
        assert kinds_of(row) - showing <= SELDOM.get(name, set()), name
        if row["Labels"] != "-":  # others begin with 0, wherever they are imported
            assert showing <= kinds_of(row), name


def test_every_query_asks_for_what_processes_show(shown: Shown) -> None:
    for who, query in queries():
        assert names(query) <= shown.names, who
        for name, label, values in matchers(query):
            assert label in labels_of(shown, name), (who, name)
            assert set(values) <= (values_of(name, label) or {*values}), (who, name)
        assert grouped(query) <= set().union(*(labels_of(shown, name) for name in names(query))), who


def labels_of(shown: Shown, name: str) -> set[str]:
    """Returns the labels by which a metric can be asked for: of its samples, or by the code, while it has none."""
    told = documents.names(TOLD.get(base(name), {"Labels": "-"})["Labels"].partition(":")[0])
    samples = [labels[name] for labels in shown.labels.values() if name in labels]
    assert all(labels - {"le"} == set(told) for labels in samples), name
    return set(told) | ADDED


def values_of(name: str, label: str) -> set[str]:
    """Returns the values that the document names for the label of a metric, none where it names none."""
    labels, _, values = TOLD[base(name)]["Labels"].partition(":")
    listed = documents.names(labels)[-1:] == [label] and "," in values
    return {value.strip() for value in values.split(",")} if listed else set()


def base(name: str) -> str:
    """Returns the name that the document has for what is scraped under this one."""
    return name if name in TOLD else name.rpartition("_")[0]


def test_prometheus_scrapes_every_kind_by_the_name_that_queries_expect() -> None:
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    ports = {job["job_name"]: found["port"] for job in jobs for found in job["dns_sd_configs"]}
    assert ports == {f"im-{kind}": port for kind, port in PORTS.items()}
