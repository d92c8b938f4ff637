"""Tests how workers and beat wait for a Redis that is away, and that every task name has a task."""

import pytest
from kombu.exceptions import OperationalError

from infra.tasks import Task, app
from tests import databases


@pytest.mark.usefixtures("database")
def test_they_look_for_it_every_second_however_long_it_is_away() -> None:
    pauses: list[float] = []
    with app.connection(databases.NOBODY_LISTENS) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(errback=lambda _, pause: pauses.append(pause), max_retries=2)
    assert pauses
    assert max(pauses) <= 1


@pytest.mark.usefixtures("database")
def test_every_name_is_a_task_of_the_workers_and_has_a_queue() -> None:
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == set(Task)
    assert {app.tasks[name].__module__ for name in Task} == set(app.conf.imports)
    queues = {queue.name for queue in app.conf.task_queues}
    assert {app.amqp.router.route({}, name)["queue"].name for name in Task} == queues


@pytest.mark.usefixtures("database")
def test_what_beat_sends_is_a_task() -> None:
    assert {each["task"] for each in app.conf.beat_schedule.values()} <= set(Task)
