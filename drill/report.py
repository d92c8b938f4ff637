"""What a drill has shown."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from drill.load import Load


@dataclass(frozen=True, slots=True)
class Report:
    """What was done, how sends and pushes went meanwhile, and what is wrong: nothing, when all went well.

    Times are seconds, those of `done` since the load began. A push is measured from the first try of its send to the
    frame on the recipient's device. `whole_after` is None when not all had become right in time.
    """

    done: list[tuple[float, str]]
    accounts: int
    sends: int
    repeated_once: int
    repeated_more: int
    given_up: int
    send_p50: float
    send_p99: float
    push_p50: float
    push_p99: float
    pushed_again: int
    sockets_closed: int
    sockets_untold: int
    whole_after: float | None
    wrong: list[str]

    def as_json(self) -> dict[str, Any]:
        """Returns the report for programs. What could not be measured is null."""
        facts = asdict(self)
        return {name: None if isinstance(fact, float) and math.isnan(fact) else fact for name, fact in facts.items()}

    def lines(self) -> Iterator[str]:
        """Yields the report for people."""
        for at, what in self.done:
            yield f"{at:6.1f} s  {what}"
        repeats = f"{self.repeated_once} repeated once, {self.repeated_more} more often, {self.given_up} given up"
        yield f"sends     {self.sends} of {self.accounts} accounts; {repeats}"
        yield f"send      p50 {_ms(self.send_p50)}, p99 {_ms(self.send_p99)}"
        yield f"push      p50 {_ms(self.push_p50)}, p99 {_ms(self.push_p99)}; {self.pushed_again} came again"
        yield f"sockets   {self.sockets_closed} closed, of them {self.sockets_untold} without a word"
        yield f"whole     {'not' if self.whole_after is None else f'{self.whole_after:.1f} s'} after the last send"
        for fault in self.wrong:
            yield f"wrong     {fault}"
        yield "all is right" if not self.wrong else f"{len(self.wrong)} faults"


def of(load: Load, done: list[tuple[float, str]], whole_after: float | None, wrong: list[str]) -> Report:
    """Returns the report of a load that has ended."""
    sent = [each for sender in load.senders for each in sender.sent]
    began = {key: at for sender in load.senders for key, at in sender.began.items()}
    devices = load.devices.values()
    pushes = [at - began[key] for device in devices for key, (_, at) in device.got.items() if key in began]
    closings = [closing for device in devices for closing in device.closings if closing.accepted]
    return Report(
        done=done,
        accounts=len(load.devices),
        sends=len(sent),
        repeated_once=sum(each.attempts == 2 for each in sent),
        repeated_more=sum(each.attempts > 2 for each in sent),
        given_up=sum(len(sender.given_up) for sender in load.senders),
        send_p50=percentile([each.seconds for each in sent], 0.5),
        send_p99=percentile([each.seconds for each in sent], 0.99),
        push_p50=percentile(pushes, 0.5),
        push_p99=percentile(pushes, 0.99),
        pushed_again=sum(device.repeats for device in devices),
        sockets_closed=len(closings),
        sockets_untold=sum(not closing.told for closing in closings),
        whole_after=whole_after,
        wrong=wrong,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Returns a percentile, NaN of nothing. `share` is 0 to 1."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else math.nan


def _ms(seconds: float) -> str:
    return "unknown" if math.isnan(seconds) else f"{seconds * 1000:.0f} ms"
