"""The description says what there is, and nothing sent by it makes the service stumble."""

from typing import Any

import pytest
import schemathesis
from hypothesis import Phase, given, settings
from schemathesis import Case

from tests.people import Web, new_user

AREAS = {
    "message": "send history conversations read recall delete unread sync conversation/update ws/ticket",
    "user": "register login refresh logout password delete me update search",
    "friend": "request handle requests list delete block unblock blocks",
}
CALLS = [f"/{area}/v1/{name}" for area, names in AREAS.items() for name in names.split()]


@pytest.fixture(scope="module")
def description(stack: Any) -> Any:
    return schemathesis.openapi.from_url(f"{stack.web_url}/openapi.json")


def test_every_call_is_described(web: Web) -> None:
    paths = web.get("/openapi.json").json()["paths"]
    assert {path for path in paths if "/v1/" in path} == set(CALLS)
    assert all("post" in paths[path] for path in CALLS)


@pytest.mark.parametrize("path", CALLS)
def test_no_body_makes_it_stumble(web: Web, description: Any, path: str) -> None:
    token = new_user(web).token

    @given(case=description[path]["POST"].as_strategy())
    @settings(max_examples=15, deadline=None, phases=[Phase.generate], derandomize=True)
    def send(case: Case) -> None:
        answer = web.post(path, case.body if isinstance(case.body, dict) else {}, token)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"

    send()
