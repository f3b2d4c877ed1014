"""Door: the web form, its receipts and the review desk. Translates requests; rules live in checks and totals."""

from xueshi.bridge.app import make_app
from xueshi.bridge.office import Office
from xueshi.bridge.queue import told

__all__ = ["Office", "make_app", "told"]
