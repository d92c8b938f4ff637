"""The rows of the table, in its order, and the bound that each must reach, in the specification's words and figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """The bound of a row's ratio, at least or at most. `text` is what the table shows; a row may have no bound."""

    text: str
    least: float | None = None
    most: float | None = None

    def holds(self, ratio: float | None) -> bool | None:
        """Returns whether a ratio keeps the bound; None when there is no bound, or nothing was measured."""
        if ratio is None or (self.least is None and self.most is None):
            return None
        return (self.least is None or ratio >= self.least) and (self.most is None or ratio <= self.most)


REACHES = {
    "send": Reach("≥ 0.40", least=0.40),
    "send alone": Reach("≤ 3 ×", most=3),
    "group commit": Reach("told"),
    "drain": Reach("≥ 10 ×", least=10),
    "told": Reach("≤ 1.5 ×", most=1.5),
    "told p99": Reach("≤ 2 ×", most=2),
    "after the answer": Reach("≤ 10 ×", most=10),
    "everybody online": Reach("≥ 0.28", least=0.28),
    "with devices": Reach("≤ 4 ×", most=4),
    "over the socket": Reach("≥ 1.4 ×", least=1.4),
    "lone message": Reach("≤ 10 ×", most=10),
    "relay frames": Reach("≤ 1.5 ×", most=1.5),
    "relay sockets": Reach("≤ 1.5 ×, and ≤ 45 KB", most=1.5),
    "storm": Reach("≤ 4 ×", most=4),
    "growth": Reach("≤ 1.3 ×", most=1.3),
    "group send": Reach("≥ 0.7", least=0.7),
    "group growth": Reach("≤ 1.3 ×", most=1.3),
    "group fan-out": Reach("≤ 1.2 ×", most=1.2),
    "memory": Reach("≤ 0.6 ×", most=0.6),
}
