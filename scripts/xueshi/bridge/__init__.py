"""Door: the web form, its receipts and the review desk. Translates requests; rules live in checks and totals."""

from xueshi.bridge.app import MAX_BODY, make_app
from xueshi.bridge.decide import carry_out
from xueshi.bridge.office import Office
from xueshi.bridge.queue import told

__all__ = ["MAX_BODY", "Office", "carry_out", "make_app", "told"]
