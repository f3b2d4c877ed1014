"""Logs tell what happened and nobody's words; figures are in Prometheus' format; readiness names what fails."""

from __future__ import annotations

import io
import ipaddress
import json
import logging
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from xueshi import observe
from xueshi.links import Links
from xueshi.observe import Beat, Metrics, log_to, request_id, routes, safe

LOG = logging.getLogger("xueshi.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A log set up as a service sets it up; the tests' own is put back afterwards."""
    root, made = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    root.handlers = []
    log_to(made)
    yield made
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_its_fields(stream: io.StringIO) -> None:
    mark = request_id.set("abc")
    LOG.warning("submission %s: %s", "01KJYKG9Z08M4T0V2N9X5B7CDE", "host away", extra={"fields": {"ms": 3}})
    request_id.reset(mark)
    LOG.debug("not told")
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "level": "warning", "logger": "xueshi.test", "request": "abc", "ms": 3,
        "event": "submission 01KJYKG9Z08M4T0V2N9X5B7CDE: host away",
    }  # fmt: skip


def test_words_are_the_same_without_json(stream: io.StringIO) -> None:
    log_to(stream, as_json=False)
    LOG.error("refused: %d", 404, extra={"fields": {"route": "/m/{token}"}})
    assert re.search(r"Z?\S+ error xueshi\.test: refused: 404 route=/m/\{token\}\n$", stream.getvalue())


def test_no_token_or_name_is_told(stream: io.StringIO) -> None:
    links = Links(b"secret", "https://study.test")
    token = links.token("m", "m0012")
    secrets = {
        links.personal("m0012"), links.poster("jg1"), links.desk("m0003"), token, f"/b/x/r/{token}?small",
        f"http://git:{links.git_token()}@127.0.0.1/git/xueshi.git", "weicn@example.invalid", "林样青 党章专题学习",
        "Basic Z2l0OmFiY2RlZg==", "Authorization: Bearer abc.def", "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "/hooks?secret=abcdef", "/site/m/abcdefghijklmnopqrstuvwxyz/", "https://study.test/p/kept", "glpat-abcdefgh",
        "a\nforged: line",
    }  # fmt: skip
    for secret in secrets:
        LOG.warning("refused %s at once", secret)
        LOG.warning(secret)
    told = stream.getvalue()
    assert len(told.splitlines()) == 2 * len(secrets)
    for word in (
        token, token[:20], links.git_token(), "weicn", "林", "党", "Z2l0", "abc.def", "0123456789abc", "abcdef", "kept",
    ):  # fmt: skip
        assert word not in told, word


def test_what_operators_need_stays() -> None:
    for text in (
        "git push: cannot lock ref 'refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CDE'",
        "a" * 40,
        "records/jg1/2026",
    ):
        assert safe(text) == text


def test_an_exception_is_told_by_type_and_place(stream: io.StringIO) -> None:
    try:
        try:
            raise KeyError("林样青")
        except KeyError as error:
            raise ValueError("title of somebody") from error
    except ValueError:
        LOG.exception("submission is parked")
    (line,) = lines(stream)
    assert line["error"] == ["builtins.ValueError", "builtins.KeyError"]
    assert re.fullmatch(
        r"tests/test_observe\.py:\d+ test_an_exception_is_told_by_type_and_place", line["stack"][-1]
    )
    assert "somebody" not in stream.getvalue() and "林" not in stream.getvalue()


def test_a_line_that_does_not_fit_its_template_is_told_all_the_same(stream: io.StringIO) -> None:
    (handler,) = (one for one in logging.getLogger().handlers if getattr(one, "stream", None) is stream)
    for message, arguments in (("refused %d", ("林样青",)), (ValueError("林样青"), ())):
        record = logging.LogRecord("xueshi", logging.WARNING, __file__, 1, message, arguments, None)
        handler.handle(record)
    assert [line["event"] for line in lines(stream)] == ["refused %d", "…"]


# --- figures

_SAMPLE = re.compile(
    r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [0-9.e+-]+|# (HELP|TYPE) [a-z_]+ .+'
)


def test_counters_and_gauges_are_in_prometheus_format(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    metrics.count("xueshi_registrations_total", outcome="accepted")
    for _ in range(2):
        metrics.count("xueshi_registrations_total", outcome="refused", reason='a "b"\\\n')
    metrics.gauge("xueshi_queue", "Submissions by state.", lambda: {"received": 3, "parked": 1}, "state")
    metrics.gauge("xueshi_oldest_seconds", "Oldest.", lambda: 1.5)
    metrics.gauge("xueshi_host_blocked_until", "Blocked.", lambda: None)
    metrics.gauge("xueshi_broken", "Broken.", lambda: 1 // 0)
    text = metrics.text()
    for line in (
        'xueshi_registrations_total{outcome="accepted"} 1',
        'xueshi_registrations_total{outcome="refused",reason="a \\"b\\"\\\\\\n"} 2',
        'xueshi_queue{state="parked"} 1.0',
        "xueshi_oldest_seconds 1.5",
        "# TYPE xueshi_host_blocked_until gauge",
        "# TYPE xueshi_pulls_opened_total counter",
    ):
        assert f"\n{line}\n" in f"\n{text}", text
    assert "\nxueshi_host_blocked_until " not in text and "\nxueshi_broken " not in text
    assert "gauge xueshi_broken cannot be read" in caplog.text and text.endswith("\n")
    assert all(_SAMPLE.fullmatch(line) for line in text.splitlines() if "reason" not in line)
    with pytest.raises(KeyError):
        metrics.count("xueshi_unknown_total")


def test_counters_lose_nothing_between_threads() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(500):
            metrics.count("xueshi_pulls_opened_total")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "xueshi_pulls_opened_total 2000\n" in metrics.text()


# --- is it well?


def client(checks: dict[str, Any], peer: str = "127.0.0.1") -> TestClient:
    made = routes(Metrics(), checks, [ipaddress.ip_network("10.0.0.0/24")])
    return TestClient(Starlette(routes=made), client=(peer, 1))


def test_readiness_names_what_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(observe, "_PATIENCE", 0.2)
    well = client({"database": lambda: True})
    assert (well.get("/healthz").text, well.get("/readyz").status_code) == ("ok\n", 200)
    assert well.get("/readyz").json() == {"ready": True, "failing": []}
    hangs = threading.Event()
    ill = client(
        {"database": lambda: True, "clone": lambda: 1 // 0, "disk": lambda: False, "delivery": hangs.wait}
    )
    answer = ill.get("/readyz")
    hangs.set()
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "failing": ["clone", "disk", "delivery"]}
    assert ill.get("/healthz").status_code == 200 and "not ready: clone" in caplog.text


def test_asking_often_costs_little() -> None:
    asked: list[bool] = []
    made = client({"database": lambda: asked.append(True) or True})
    assert {made.get("/readyz").status_code for _ in range(20)} == {200}
    assert len(asked) <= 3


def test_a_beat_is_fresh_for_a_minute() -> None:
    at = [0.0]
    beat = Beat(lambda: at[0])
    at[0] = 59.0
    assert beat.fresh()
    at[0] = 61.0
    assert not beat.fresh()
    beat.beat()
    assert beat.fresh()


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200), ("::1", {}, 200), ("::ffff:127.0.0.1", {}, 200), ("10.0.0.9", {}, 200),
        ("10.0.1.9", {}, 403), ("198.51.100.1", {}, 403), ("testclient", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403), ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
    ],
)  # fmt: skip
def test_figures_are_for_those_who_are_near(peer: str, headers: dict[str, str], status: int) -> None:
    answer = client({}, peer).get("/metrics", headers=headers)
    assert answer.status_code == status
    assert status == 403 or answer.headers["content-type"].startswith("text/plain; version=0.0.4")
