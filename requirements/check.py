"""The check of the locks: every requirement is pinned with hashes, in its range, and the same in both locks.

It reads the files alone: it needs no network, and does not notice that a newer version exists.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HERE = Path(__file__).parent


def wanted(text: str) -> Iterator[Requirement]:
    """Returns the requirements that the text of an .in file names itself."""
    for line in text.splitlines():
        entry = line.partition("#")[0].strip()
        if entry and not entry.startswith("-"):
            yield Requirement(entry)


def pins(text: str) -> Iterator[tuple[Requirement, bool]]:
    """Returns the pins in the text of a lock, each with whether it has hashes."""
    for line in text.replace("\\\n", " ").splitlines():
        pin, *hashes = line.split("--hash=sha256:")
        if pin.strip() and not pin.startswith("#"):
            yield Requirement(pin.strip()), bool(hashes)


def faults(name: str, directory: Path = _HERE) -> Iterator[str]:
    """Returns the faults of `name`.txt and between it and `name`.in, a line each."""
    locked = list(pins((directory / f"{name}.txt").read_text()))
    for pin, hashed in locked:
        if not hashed:
            yield f"{name}.txt: {pin.name} has no hash"
    for requirement in wanted((directory / f"{name}.in").read_text()):
        versions = [str(pin.specifier)[2:] for pin, _ in locked if _same(pin, requirement)]
        if not versions:
            yield f"{name}.in: {requirement.name} is not in {name}.txt"
        for version in versions:
            if not requirement.specifier.contains(version, prereleases=True):
                yield f"{name}.txt: {requirement.name} {version} is not {requirement.specifier}"


def disagreements(directory: Path = _HERE) -> Iterator[str]:
    """Returns a line for each pin of the other locks that test.txt lacks.

    Markers may differ, as tests need more platforms.
    """
    in_test = {_version(pin) for pin, _ in pins((directory / "test.txt").read_text())}
    for name in ("base", "otel"):
        for pin, _ in pins((directory / f"{name}.txt").read_text()):
            if _version(pin) not in in_test:
                yield f"test.txt: lacks {_version(pin)} of {name}.txt"


def _version(pin: Requirement) -> str:
    return f"{canonicalize_name(pin.name)}{pin.specifier}"


def _same(one: Requirement, other: Requirement) -> bool:
    return canonicalize_name(one.name) == canonicalize_name(other.name)


def main() -> None:
    """Check the locks. Exits with 1 and a line for every fault when `make lock` is due."""
    found = [*faults("base"), *faults("otel"), *faults("test"), *disagreements()]
    if found:
        sys.exit("\n".join([*found, "run `make lock`"]))


if __name__ == "__main__":
    main()
