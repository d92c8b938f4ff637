"""The targets of a call that refuse it: what one refuses does not stop the others."""

from collections.abc import Callable, Iterable

from messaging.errors import Code


class Failed:
    """Collects {`user_id, code`} of the users for whom a call failed."""

    def __init__(self) -> None:
        self.listed: list[dict[str, int]] = []

    def add(self, user_ids: Iterable[int], code: Code) -> None:
        """Add users for whom the call failed with this code."""
        self.listed += [{"user_id": user_id, "code": int(code)} for user_id in user_ids]

    def sift(self, user_ids: Iterable[int], refusal: Callable[[int], Code | None]) -> list[int]:
        """Returns those of the users for whom `refusal` answers None, and adds the others."""
        passed = []
        for user_id in user_ids:
            code = refusal(user_id)
            if code is None:
                passed.append(user_id)
            else:
                self.add([user_id], code)
        return passed
