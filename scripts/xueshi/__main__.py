"""`python -m xueshi`: the command, also where it is not on the PATH."""

from __future__ import annotations

from xueshi.cli import main

if __name__ == "__main__":
    main(prog_name="xueshi")
