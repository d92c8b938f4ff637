"""Compares real answers with the OpenAPI document that the service publishes."""

import json
import re
from typing import Any

import jsonschema_rs
import requests

from tests.people import Web

PROBLEM = "application/problem+json"


class Description:
    """The OpenAPI document at /openapi.json."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._validators: dict[str, Any] = {}

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Returns each path, its method and the operation that describes it."""
        return [
            (path, method, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """Returns the node that a `$ref` names, or the node itself when it is no reference."""
        found: Any = node
        while "$ref" in found:
            target: Any = self.document
            for part in found["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            found = target
        return dict(found)

    def codes(self, operation: dict[str, Any]) -> set[int]:
        """Returns the codes of all refusals that an operation lists."""
        answers = [self.resolve(found).get("content", {}) for found in operation["responses"].values()]
        refusals = [content[PROBLEM]["schema"] for content in answers if PROBLEM in content]
        return {code for schema in refusals for code in schema["properties"]["code"]["enum"]}

    def errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        """Returns how a value breaks a schema, one text per fault."""
        key = json.dumps(schema)
        if key not in self._validators:
            whole = schema | {"components": self.document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return [error.message for error in self._validators[key].iter_errors(value)]

    def check(self, answer: requests.Response) -> None:
        """Fails unless the document describes this answer. An unknown path or method must be refused as any other."""
        path, method = answer.request.path_url.partition("?")[0], str(answer.request.method).lower()
        operation = self._methods(path).get("get" if method == "head" else method)
        if operation is None:
            problem = self.document["components"]["schemas"]["Problem"]
            assert answer.status_code < 400 or not self.errors(problem, answer.json())
            return
        told = operation["responses"].get(str(answer.status_code))
        assert told, f"{operation['operationId']} says nothing of {answer.status_code}: {answer.text}"
        content = self.resolve(told).get("content")
        if content is None or "*/*" in content:
            assert content or not answer.content
            return
        kind = answer.headers["Content-Type"]
        assert kind in content, f"{operation['operationId']}: {answer.status_code} as {kind}"
        wrong = self.errors(content[kind]["schema"], answer.json())
        assert not wrong, f"{operation['operationId']}: {wrong} in {answer.text}"

    def _methods(self, path: str) -> dict[str, Any]:
        """Returns the operations of a path by their methods, also where the description has a name for a part of it."""
        paths: dict[str, Any] = self.document["paths"]
        return paths.get(path) or next((paths[each] for each in paths if _matches(each, path)), {})


def _matches(described: str, path: str) -> bool:
    parts = [r"[^/]+" if part.startswith("{") else re.escape(part) for part in described.split("/")]
    return re.fullmatch("/".join(parts), path) is not None


class DescribedWeb(Web):
    """A REST door whose every answer the document must describe."""

    def __init__(self, url: str, description: Description) -> None:
        super().__init__(url)
        self.description = description

    def _call(self, method: str, path: str, token: str | None, **options: Any) -> requests.Response:
        answer = super()._call(method, path, token, **options)
        self.description.check(answer)
        return answer
