"""Processes without a door that are not ours, or of a release that tells of its readiness in its log alone."""

from tests.processes import Process


class Announcing(Process):
    """A process that is ready when its log holds a worker's ready line or beat's whole banner."""

    def ready(self) -> bool:
        return " ready." in self.output() or "maxinterval ->" in self.output()
