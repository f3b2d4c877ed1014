"""MkDocs in a process of its own that builds one site after another: it, the theme, the dictionary and the records read
so far are loaded once, so that the next site is there soon after a merge.

`Builder` is the side that asks; `python -m xueshi.builder` is the process: a job a line comes in, an answer a line goes
out. It ends with its input, and so with whoever asked."""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from xueshi.errors import XueshiError

_LIMIT = 1800.0  # seconds for one build
_KNOWN = "XUESHI_"


class Builder:
    """One process, started when it is first needed and again when it has died. `make` may be called from any thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def make(self, config: Path, into: Path, told: Mapping[str, str]) -> None:
        """Build the site of a mkdocs.yml into a folder; `told` goes into the environment. Raises XueshiError with
        MkDocs' own words."""
        job = json.dumps({"config": str(config), "into": str(into), "environ": dict(told)})
        with self._turn:
            process = self._running()
            assert process.stdin is not None and process.stdout is not None
            try:
                process.stdin.write(job + "\n")
                process.stdin.flush()
                answer = _line(process.stdout, _LIMIT)
            except BrokenPipeError:
                answer = ""
            if not answer:
                self._end()
                raise XueshiError("the process that builds the site ended, or took longer than half an hour")
            fault = json.loads(answer)["fault"]
        if fault:
            raise XueshiError(fault)

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            # Nobody waits at a counter for the site: who registers or decides meanwhile goes first.
            command = ["nice", "-n", "10", sys.executable, "-m", "xueshi.builder"]
            quiet = {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **quiet},
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _line(source: IO[str], seconds: float) -> str:
    with selectors.DefaultSelector() as waiting:
        waiting.register(source, selectors.EVENT_READ)
        return source.readline() if waiting.select(seconds) else ""


# --- the process


def main() -> None:
    """Answer jobs until there are no more."""
    gc.set_threshold(100_000)  # as the command does: what was read stays
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a plugin prints is no answer
    for line in sys.stdin:
        job = json.loads(line)
        for name in [name for name in os.environ if name.startswith(_KNOWN)]:
            del os.environ[name]  # of the job before
        os.environ.update(job["environ"])
        fault = _build(job["config"], job["into"])
        answers.write(json.dumps({"fault": fault}) + "\n")
        answers.flush()


def _build(config: str, into: str) -> str:
    """Empty, or why there is no site."""
    from mkdocs.commands import build  # here: only the process itself needs them
    from mkdocs.config import load_config

    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.WARNING)
    log = logging.getLogger("mkdocs")
    log.addHandler(handler)
    try:
        told = load_config(config, site_dir=into, strict=True)
        told.plugins.on_startup(command="build", dirty=False)
        try:
            build.build(told)
        finally:
            told.plugins.on_shutdown()
    except (Exception, SystemExit) as error:  # the next site may be sound
        return said.getvalue().strip() or f"{type(error).__name__}: {error}"
    finally:
        log.removeHandler(handler)
    return ""


if __name__ == "__main__":
    main()
