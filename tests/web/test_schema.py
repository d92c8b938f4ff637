"""Tests that no request that schemathesis can think of is answered otherwise than /openapi.json says.

Its checks look at what was really answered: no 5xx, no status, content type or header that the document lacks, and
no body that breaks its schema. IM_SCHEMA_EXAMPLES sets how many requests are made of each call and mode.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.people import User, Web, befriend, new_group, new_user
from tests.processes import PATIENCE
from tests.stack import Stack
from tests.web.test_openapi import CALLS, FORMS, READS

EXAMPLES = int(os.environ.get("IM_SCHEMA_EXAMPLES", "8"))
CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDING = {"/user/v1/logout", "/user/v1/password", "/user/v1/delete"}  # their caller has no token any more


@pytest.fixture(scope="module")
def schema(stack: Stack) -> Any:
    return schemathesis.openapi.from_url(f"{stack.web_url}/openapi.json")


@pytest.fixture(scope="module")
def caller(unlimited_web: Web) -> User:
    """Returns a user with a friend and a group, so that some requests name what is there."""
    user, friend = new_user(unlimited_web), new_user(unlimited_web)
    befriend(unlimited_web, user, friend)
    new_group(unlimited_web, user, friend)
    return user


def asked() -> list[tuple[str, str, GenerationMode]]:
    """Returns each call in both modes. Of health alone there is no bad request: it takes nothing."""
    both = [(path, "POST") for path in CALLS + FORMS] + [(path, "GET") for path in READS]
    good = [
        (path, method, GenerationMode.POSITIVE) for path, method in [*both, ("/healthz", "GET"), ("/readyz", "GET")]
    ]
    return good + [(path, method, GenerationMode.NEGATIVE) for path, method in both]


@pytest.mark.parametrize(("path", "method", "mode"), asked(), ids=lambda value: str(getattr(value, "value", value)))
def test_it_answers_as_described(
    schema: Any, unlimited_web: Web, caller: User, path: str, method: str, mode: GenerationMode
) -> None:
    user = new_user(unlimited_web) if path in ENDING else caller
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        case.call_and_validate(
            base_url=unlimited_web.url,
            headers={"Authorization": f"Bearer {user.token}"},
            checks=CHECKS,
            timeout=PATIENCE,
        )

    ask()
