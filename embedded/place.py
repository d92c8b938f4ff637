"""The place of a run of the embedded service: its directory and its three ports."""

from dataclasses import dataclass
from pathlib import Path

from environs import Env, EnvError, validate

ROOT = Path(__file__).resolve().parent.parent
MARK = "IM_EMBEDDED_RUN"  # in the environment of every process of a run, with the run's directory as its value


class NotStarted(Exception):
    """The embedded service cannot start; the text says why, in one line for the user of `make run`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A run's directory and ports. `var` holds all that outlives a run; to remove it is to start anew."""

    var: Path
    port: int
    redis_port: int
    rpc_port: int

    @property
    def mark(self) -> str:
        """The entry in the environment of this run's processes by which they are recognised."""
        return f"{MARK}={self.var}"


def chosen() -> Place:
    """Returns the place that EMBEDDED_VAR, PORT, EMBEDDED_REDIS_PORT and EMBEDDED_RPC_PORT name.

    Makes its directory, for the owner alone. Raises NotStarted.
    """
    env = Env()
    try:
        place = Place(
            var=Path(env.str("EMBEDDED_VAR", "") or ROOT / "var").absolute(),
            port=env.int("PORT", 8080, validate=validate.Range(1, 65535)),
            redis_port=env.int("EMBEDDED_REDIS_PORT", 6390, validate=validate.Range(1, 65535)),
            rpc_port=env.int("EMBEDDED_RPC_PORT", 8081, validate=validate.Range(1, 65535)),
        )
        place.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (EnvError, OSError) as error:
        raise NotStarted(str(error)) from error
    return place
