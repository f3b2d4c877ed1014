"""The published site over HTTP: compressed where that helps, one whole build at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from xueshi.served import PublishedSite

PAGE = "<!doctype html><title>学时</title>" + "<p>三会一课</p>" * 200
SEALED = bytes(range(256)) * 128


@pytest.fixture
def site(tmp_path: Path) -> TestClient:
    first = tmp_path / "first"
    (first / "s").mkdir(parents=True)
    (first / "index.html").write_text(PAGE)
    (first / "look.css").write_text("p { color: red }\n" * 100)
    (first / "s" / "page.bin").write_bytes(SEALED)
    (tmp_path / "site").symlink_to(first)
    return TestClient(PublishedSite(tmp_path / "site"), "http://127.0.0.1")


@pytest.mark.parametrize("path", ["/", "/look.css"])
def test_pages_come_compressed_to_who_takes_them_so(site: TestClient, path: str) -> None:
    packed = site.get(path, headers={"Accept-Encoding": "gzip"})
    plain = site.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert 0 < packed.num_bytes_downloaded * 5 < plain.num_bytes_downloaded
    assert "accept-encoding" in packed.headers["vary"].lower()


def test_sealed_files_are_sent_as_they_lie(site: TestClient) -> None:
    answer = site.get("/s/page.bin", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers and answer.content == SEALED


def test_a_part_of_a_file_is_a_part_of_what_lies_there(site: TestClient) -> None:
    answer = site.get("/", headers={"Accept-Encoding": "gzip", "Range": "bytes=0-13"})
    assert (answer.status_code, answer.content) == (206, PAGE[:14].encode())
    assert "content-encoding" not in answer.headers


def test_a_build_that_is_not_there_yet_says_so(tmp_path: Path) -> None:
    answer = TestClient(PublishedSite(tmp_path / "site"), "http://127.0.0.1").get("/")
    assert (
        answer.status_code == 503 and "报告正在生成" in answer.text and answer.headers["retry-after"] == "2"
    )


def test_a_new_build_is_served_from_the_next_request_on(site: TestClient, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "index.html").write_text("second")
    (tmp_path / "site").unlink()
    (tmp_path / "site").symlink_to(second)
    assert site.get("/").text == "second"
