"""From the outbox to pull requests, and from what the host decided back to the outbox.

`carrying` takes the steps and knows what a failed one means, `proposing` pushes and opens what waits, `settling` reads
what the host decided, `clone` is the bridge's copy of the host."""

from xueshi.delivery.carrying import Delivery
from xueshi.delivery.clone import MAIN, open_clone
from xueshi.delivery.proposing import Wording
from xueshi.delivery.settling import leaving, returning

__all__ = ["MAIN", "Delivery", "Wording", "leaving", "open_clone", "returning"]
