"""The handbook against the interface: what it shows and quotes is what people see today, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from handbook import (
    CURE,
    PAGES,
    PICTURES,
    ROOT,
    SHOWN,
    WORDS,
    Shot,
    Walk,
    example,
    masked,
    save,
    stale,
    walked,
)
from PIL import Image

from xueshi.cli import main

NAMES = ("members", "reviewers", "policy", "operators")
ALT = re.compile(r"!\[([^\]]*)\]\(pictures/([a-z-]+)\.webp\)")
QUOTED = re.compile(r"「([^」]+)」|\*\*([^*]+)\*\*")


def text(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def both(name: str) -> tuple[str, str]:
    return text(name), text(f"{name}.en")


EVERY = [f"{name}{language}" for name in NAMES for language in ("", ".en")]


@pytest.fixture(scope="module")
def record() -> dict[str, list[str]]:
    found: dict[str, list[str]] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with walked(tmp_path_factory.mktemp("handbook")) as found:
        yield found


def test_the_walk_shows_what_the_pictures_show(
    walk: Walk, record: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert walk.faults == []
    save(walk.shots, tmp_path / "pictures")
    with capsys.disabled():
        print(f"\n  the handbook's pictures as of now: {tmp_path / 'pictures'}")
    assert stale(walk.shots, record) == [], CURE


def test_every_picture_is_there_small_and_shown(record: dict[str, list[str]]) -> None:
    kept = {path.stem for path in PICTURES.glob("*.webp")}
    for language in (0, 1):
        shown = [name for page in NAMES for _, name in ALT.findall(both(page)[language])]
        assert len(shown) == len(set(shown)) <= 20
        assert set(shown) == kept == set(record), f"{sorted(set(shown) ^ kept | kept ^ set(record))}; {CURE}"
    for path in PICTURES.glob("*.webp"):
        data = path.read_bytes()
        assert len(data) < 60_000, path.name
        # One chunk, the image itself: nothing of the machine that made it.
        assert data[12:16] == b"VP8 ", path.name


@pytest.mark.parametrize("page", EVERY)
def test_pictures_say_their_size_and_what_they_show(page: str) -> None:
    alts = [alt for alt, _ in ALT.findall(text(page))]
    assert len(set(alts)) == len(alts) and all(len(alt) >= 6 for alt in alts)
    for name, attributes in SHOWN.findall(text(page)):
        with Image.open(PICTURES / f"{name}.webp") as image:
            width, height = image.size
        scale = 1 if width == 1280 else 2
        told = f"{{ .x-shot width={width // scale} height={height // scale} loading=lazy }}"
        assert attributes == told, f"{page}: {name}; {CURE}"


@pytest.mark.parametrize("page", EVERY)
def test_what_a_page_quotes_stands_on_a_page_of_the_interface(walk: Walk, page: str) -> None:
    quoted = {masked(one or other) for one, other in QUOTED.findall(text(page))}
    assert bool(quoted) or page.startswith("operators")
    missing = [
        one
        for one in sorted(quoted)
        if not any(re.fullmatch(re.escape(one).replace("…", ".+?"), offered) for offered in walk.offered)
    ]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_sections_and_pictures(name: str) -> None:
    chinese, english = both(name)
    for pattern in (
        r"^(#+) .*\{ (#[a-z-]+) \}$",
        r"\(pictures/([a-z-]+)\.webp\)",
        r"\]\(([a-z./]*#[a-z-]+)\)",
        r"^    xueshi ([a-z-]+)",
    ):
        assert re.findall(pattern, chinese, re.M) == re.findall(pattern, english, re.M), pattern
    # What an English page quotes in Chinese is marked as such; commands, pieces of files and the head are not prose.
    prose = re.sub(r"\*\*[^*]+\*\*\{ lang=zh-CN \}|`[^`]*`|^    .*$", "", english, flags=re.M)
    assert not re.search(r"[\u4e00-\u9fff]", prose)


@pytest.mark.parametrize("page", EVERY)
def test_every_link_leads_to_a_section(page: str) -> None:
    for target, anchor in re.findall(r"\]\(([a-z.]*)#([a-z-]+)\)", text(page)):
        where = (
            text(target.removesuffix(".md") + (".en" if page.endswith(".en") else ""))
            if target
            else text(page)
        )
        assert f"{{ #{anchor} }}" in where, (page, target, anchor)


@pytest.mark.parametrize("page", EVERY)
def test_every_command_and_option_exists(page: str) -> None:
    told = re.findall(r"^ +xueshi (.*)$", text(page), re.M) + re.findall(r"`xueshi ([^`]*)`", text(page))
    for line in (line.split() for line in told):
        names = line[:2] if line[0] in ("policy", "keys", "bridge") else line[:1]
        answer = CliRunner().invoke(main, [*names, "--help"])
        assert answer.exit_code == 0, line
        for option in (word for word in line if word.startswith("--")):
            assert re.search(rf"{option}\b", answer.output), (names, option)


@pytest.mark.parametrize("page", ["operators", "operators.en"])
def test_what_operators_are_sent_to_is_there(page: str) -> None:
    pointed = re.findall(r"[（(]`(docs/[a-z0-9/-]+\.md)`(?:[，,] ?([^）)]*))?[）)]", text(page))
    assert len(pointed) >= 5
    for path, chapters in pointed:
        found = (ROOT / path).read_text(encoding="utf-8")
        for chapter in filter(None, re.split(r"[，,] ?", chapters)):
            assert re.search(rf"^## {chapter}$", found, re.M), (path, chapter)
    settings = (ROOT / "scripts" / "xueshi").rglob("*.py")
    code = "\n".join(path.read_text(encoding="utf-8") for path in settings)
    for name in re.findall(r"`(xueshi_[a-z_]+)", text(page)):
        assert f'"{name}"' in code, name


def test_the_example_is_what_trying_it_says() -> None:
    """The first figures of policy.yaml are those that the example begins with."""
    old, new = example()
    policy = (ROOT / "records" / "policy.yaml").read_text(encoding="utf-8")
    assert policy.count(old) == 1
    versions = yaml.safe_load("requirements:\n" + new)["requirements"]
    assert [(one["min"], one.get("until")) for one in versions] == [(32, "2027-01-01"), (40, None)]
    assert versions[1]["from"] == "2027-01-01" and {one["id"] for one in versions} == {"member-year"}


def test_what_differs_from_run_to_run_is_masked() -> None:
    words = "回执号 7YQ2M-KX4TD 11月24日 09:31 提交 a1b2c3d http://127.0.0.1:8123/m/x 01KJYKG9Z08M4T0V2N9X5B7CDE 合并请求 12"
    assert masked(words) == (
        "回执号 ‹code› 11月24日 ‹time› 提交 ‹commit› ‹address› ‹record› 合并请求 ‹number›"
    )
    assert masked("2026年11月24日（星期二）28 → 30 / 32") == "2026年11月24日（星期二）28 → 30 / 32"


def test_a_changed_word_a_lost_picture_and_a_new_one_are_told() -> None:
    shots = {"form": Shot(b"", "登记学习 | 今天", 2), "desk": Shot(b"", "待审核 8 条", 2)}
    same = {"form": ["登记学习", "今天"], "desk": ["待审核 8 条"]}
    assert stale(shots, same) == []
    assert stale(shots, {**same, "form": ["登记学习", "昨天"]}) == ["form: 今天、昨天"]
    assert stale(shots, {"form": ["登记学习", "今天"]}) == ["desk: 没有记录"]
    assert stale(shots, {**same, "gone": ["x"]}) == ["gone: 没有照到"]
