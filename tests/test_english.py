"""The site in English: no sentence is left out of the catalogue, and no page of an English site shows a Chinese one."""

from __future__ import annotations

import ast
import contextlib
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import catalogue
import pytest
import yaml
from browser import chromium
from conftest import BRIDGE
from jinja2 import Environment, nodes
from test_editions import SealedSite
from test_theme import served

from xueshi import languages, publish, records, sample, speech
from xueshi.builder import Builder
from xueshi.errors import UsageError
from xueshi.git import NewCommit, RefUpdate, Repository
from xueshi.model import OFFICER, SHANGHAI
from xueshi.reports.address import address
from xueshi.sealing import access

ON = date(2026, 11, 24)
SECRET = bytes(range(32))
CHINESE = re.compile("[\u2e80-\u2fdf\u3000-\u303f\u3400-\u9fff\uff01-\uff60]")
SAID = {"_", "say", "later", "many", "say_in", "later_in", "later_many"}
OWN_PAGE = b"# \xe6\x9c\xac\xe5\x8d\x95\xe4\xbd\x8d\n\n\xe5\x8f\xaa\xe6\x9c\x89\xe4\xb8\xad\xe6\x96\x87\xe3\x80\x82\n"

# --- what is written


NOT_SAID = {
    "site/templates/sheet.html": "an office's form, which stays Chinese",
    "scripts/xueshi/reports/sheet.py": "the words of that form",
    "scripts/xueshi/reports/paper.py": "the words of that form",
    "scripts/xueshi/reports/effect.py": "for pull requests, the desk and the command",
    "site/theme/assets/sheet.css": "the foot of that form",
    "site/theme/assets/query-files.js": "wide signs that a spreadsheet takes for a formula",
}
SPEAKING = (
    "reports/*.py", "checkup/*.py", "editions/*.py", "words.py", "offers.py", "languages.py", "mkdocs_plugin.py",
    "checks/record.py", "checks/duplicates.py", "checks/context.py",
)  # fmt: skip


def place(path: Path) -> str:
    return path.relative_to(catalogue.ROOT).as_posix()


def in_template(node: nodes.Node, *, said: bool = False) -> Iterator[str]:
    """Chinese texts of a template that are no sentence for the catalogue."""
    if isinstance(node, nodes.TemplateData | nodes.Const):
        text = node.data if isinstance(node, nodes.TemplateData) else node.value
        if isinstance(text, str) and CHINESE.search(text) and not said:
            yield text.strip()
    is_said = isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in SAID
    for child in node.iter_child_nodes():
        yield from in_template(child, said=is_said and isinstance(child, nodes.Const))


def in_program(node: ast.AST, *, said: bool = False) -> Iterator[str]:
    """Chinese texts of a module that are no sentence for the catalogue; what a docstring says is nobody's to read."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if CHINESE.search(node.value) and not said:
            yield f"{node.lineno}: {node.value}"
        return
    is_said = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAID
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            yield from in_program(child, said=is_said and isinstance(child, ast.Constant))


def in_asset(text: str) -> Iterator[str]:
    """Chinese texts of a script or a style, but for its comments."""
    bare = re.sub(r"/\*.*?\*/|(?:^|\s)// [^\n]*", "", text, flags=re.DOTALL)
    yield from (line.strip() for line in bare.splitlines() if CHINESE.search(line))


def loose() -> Iterator[tuple[str, str]]:
    """(file, text) of everything that the site would show in Chinese whatever it speaks."""
    parse = Environment(extensions=["jinja2.ext.i18n"]).parse
    for path in catalogue.templates():
        yield from ((place(path), text) for text in in_template(parse(path.read_text(encoding="utf-8"))))
    for pattern in SPEAKING:
        for path in sorted(catalogue.PACKAGE.glob(pattern)):
            yield from ((place(path), text) for text in in_program(ast.parse(path.read_bytes())))
    for path in sorted((catalogue.ROOT / "site" / "theme" / "assets").iterdir()):
        if path.suffix in (".js", ".css"):
            yield from ((place(path), text) for text in in_asset(path.read_text(encoding="utf-8")))


def test_every_sentence_is_one_of_the_catalogues() -> None:
    found = list(loose())
    assert [one for one in found if one[0] not in NOT_SAID] == []
    assert {path for path, _ in found} == set(NOT_SAID), "an exception that nothing needs"


def test_a_sentence_that_is_not_said_is_found() -> None:
    """The search itself, since a search that finds nothing is worth nothing."""
    parse = Environment(extensions=["jinja2.ext.i18n"]).parse
    template = (
        '{# 注 #}<p title="题">{{ _("说") }}{{ m.state("标", _("态 %(n)s", n="数")) }}{{ x or "或" }}</p>'
    )
    assert sorted(in_template(parse(template))) == ['<p title="题">', "或", "数", "标"]
    program = '"""文档"""\ndef f():\n    """文档"""\n    return say("说"), f"粘{x}", g("别"), say(f"合{x}"), {"a": later("后")}'
    assert list(in_program(ast.parse(program))) == ["4: 粘", "4: 别", "4: 合"]
    assert list(in_asset("/* 注\n注 */ a('字'); // 注\n// 注\nb('后');")) == ["a('字');", "b('后');"]


# --- the catalogue


PLACES = re.compile(r"%(?:\((\w+)\))?[^%\s(]|%%|\{\w\}")
WITHOUT_UNIT = {'%(month)s<span class="x-unit">月</span>', '%(month)s<tspan class="x-unit">月</tspan>'}


def forms(said: str | tuple[str, ...]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def test_the_catalogue_has_every_sentence_and_no_other() -> None:
    said = {(message.id, message.context) for message in catalogue.template() if message.id}
    known = catalogue.read()
    assert len(said) > 400
    assert {(message.id, message.context) for message in known if message.id} == said
    assert not known.obsolete
    assert [m.id for m in known if m.fuzzy and m.id] == []
    assert [m.id for m in known if m.id and not catalogue.is_said(m)] == []


def test_both_languages_have_the_same_places_and_marks() -> None:
    filled: dict[str, int] = defaultdict(int)
    for message in catalogue.read():
        for sentence in forms(message.id) if message.id else ():
            for words in forms(message.string):
                assert CHINESE.search(words) is None, words
                assert {m[1] or m[0] for m in PLACES.finditer(words) if m[0] != "%%"} == {
                    m[1] or m[0] for m in PLACES.finditer(sentence) if m[0] != "%%"
                }, words
                assert words % filled and sentence % filled  # nothing in it is taken for a place by mistake
                marks = [re.findall("<[^>]*>", text) for text in (sentence, words)]
                assert marks[0] == marks[1] or sentence in WITHOUT_UNIT, words
                if sentence.startswith("序号,"):
                    assert words.count(",") == sentence.count(",")


# --- speaking


def test_each_speaks_its_own_language() -> None:
    heard: list[str] = []
    with speech.spoken(speech.ENGLISH):
        assert speech.say("待审核") == "Waiting for review"
        assert [speech.many("已等 %(n)s 天", n) for n in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
        assert speech.say_in("unit", "学时") == "study hours" != speech.say("学时")
        assert speech.say("") == "" and speech.say("没有这一句 %(n)s", n=1) == "没有这一句 1"
        other = threading.Thread(target=lambda: heard.append(speech.say("待审核")))
        other.start()
        other.join()
        with speech.spoken(speech.CHINESE):
            assert speech.say("接近指满 80%%。") == "接近指满 80%。"
        with contextlib.suppress(ValueError), speech.spoken(speech.CHINESE):
            raise ValueError
        assert speech.language() == speech.ENGLISH
    assert heard == ["待审核"] and speech.language() == speech.CHINESE


def test_what_is_put_into_a_template_is_escaped() -> None:
    made = Environment(autoescape=True)
    with speech.spoken(speech.ENGLISH):
        speech.teach(made)
        template = made.from_string(
            "{{ _('%(title)s <small>学习日期 %(day)s</small>', title=x, day=1) }}"
            "{{ many('有 %(n)s 条登记在等待审核，<a %(link)s>看走到了哪一步</a>。', 1, link=x) }}{{ language }}"
        )
        assert template.render(x='<b>"%s') == (
            "&lt;b&gt;&#34;%s <small>Study date 1</small>1 registration waits for review: "
            "<a &lt;b&gt;&#34;%s>see how far it is</a>.en"
        )


def test_a_language_that_the_site_lacks_is_refused() -> None:
    config = SimpleNamespace(theme={"language": "fr"})
    with pytest.raises(UsageError, match="'fr'; the site speaks zh-CN and en"):
        languages.language_told({}, config)  # type: ignore[arg-type]
    assert languages.language_told({"XUESHI_LANGUAGE": " en "}, config) == "en"  # type: ignore[arg-type]


# --- the site


@dataclass
class Sites:
    """The sample as one process built it: Chinese, English in both editions, and Chinese again."""

    repo: Repository
    chinese: Path
    english: Path
    sealed: Path
    again: Path
    data: re.Pattern[str]

    def left(self, text: str) -> str:
        """Chinese that a text holds beside what the organisation wrote itself."""
        return "".join(CHINESE.findall(self.data.sub("", text)))


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("english")
    repo = sample.write(folder / "school.git", members=42, records=110, seed=42, until=ON).repo
    add_own_page(repo)
    told = (
        ("chinese", "open", ""),
        ("english", "open", "en"),
        ("sealed", "sealed", "en"),
        ("again", "open", ""),
    )
    with contextlib.closing(Builder()) as builder, pytest.MonkeyPatch.context() as patch:
        for name, edition, language in told:
            patch.setenv("XUESHI_LANGUAGE", language)
            wanted = publish.inputs(repo, "refs/heads/main", on=ON, secret=SECRET, edition=edition)
            publish.build(repo, wanted, folder / name, builder)
        made = {name: (folder / name).resolve() for name, _, _ in told}
    yield Sites(repo, **made, data=data_of(repo))


def add_own_page(repo: Repository) -> None:
    """An organisation's own page, which has no English one."""
    tip = repo.resolve("refs/heads/main")
    assert tip is not None
    at = datetime(2026, 11, 23, 23, tzinfo=SHANGHAI)
    told = NewCommit((tip,), {"site/pages/own.md": OWN_PAGE}, "Say more\n", BRIDGE, at)
    repo.update_refs([RefUpdate("refs/heads/main", repo.commits([told])[0], tip)])


def data_of(repo: Repository) -> re.Pattern[str]:
    """Whatever the records hold or held, as they wait too, the longest first."""
    listed = repo.run("rev-list", "--objects", "--all", "--", "records").decode().splitlines()
    blobs = [line.split()[0] for line in listed if line.endswith((".yaml", ".yml"))]
    texts: set[str] = set()
    for data in repo.blobs(blobs).values():
        texts |= set(scalars(yaml.safe_load(data)))
    sentences = {form for message in catalogue.template() if message.id for form in forms(message.id)}
    assert texts & sentences == {"五年规划"}, "what is a sentence of ours would not be missed"
    return re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True))))


def scalars(value: object) -> Iterator[str]:
    if isinstance(value, str) and CHINESE.search(value):
        yield value.strip()
        yield from (line for line in value.splitlines() if CHINESE.search(line))
    elif isinstance(value, dict):
        for held in value.values():
            yield from scalars(held)
    elif isinstance(value, list):
        for held in value:
            yield from scalars(held)


NAMES_OF_FILES = {"href", "src", "download", "data-file"}
ALONE = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Shown(HTMLParser):
    """All text and attributes of a page, but for what is marked as Chinese and the names of files."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._marked: list[bool] = [False]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs).get("lang")
        marked = self._marked[-1] if told is None else told == speech.CHINESE
        if not marked:
            self.found += [value for name, value in attrs if value and name not in NAMES_OF_FILES]
        if tag not in ALONE:
            self._marked.append(marked)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in ALONE:
            self._marked.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in ALONE and len(self._marked) > 1:
            self._marked.pop()

    def handle_data(self, data: str) -> None:
        if not self._marked[-1]:
            self.found.append(data)


def left_on(sites: Sites, pages: dict[str, str]) -> dict[str, list[str]]:
    """Page → texts of it that are neither English nor the organisation's."""
    found = {
        name: [text for text in Shown(html).found if CHINESE.search(text) and sites.left(text)]
        for name, html in pages.items()
    }
    return {name: texts for name, texts in found.items() if texts}


def pages_in(folder: Path) -> dict[str, str]:
    """Pages of the site but for the handbook, which quotes the form, and the one that is Chinese on purpose."""
    found = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")
    }
    return {name: html for name, html in found.items() if not name.startswith(("handbook/", "own/"))}


def test_an_english_site_says_nothing_in_chinese(sites: Sites) -> None:
    pages = pages_in(sites.english)
    assert len(pages) > 60 and sum("Waiting for review" in html for html in pages.values()) > 10
    assert left_on(sites, pages) == {}
    assert all('<html lang="en"' in html for html in pages.values())
    assert "年度学时" in pages["index.html"], "the organisation's own words stay"
    index = (sites.english / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "Study hours by kind" in index or "Handbook" in index or "open edition" in index


def test_a_sealed_english_site_says_nothing_in_chinese(sites: Sites) -> None:
    approved, _ = records.load_approved(sites.repo, "refs/heads/main")
    keys = publish.keyring({}, SECRET, approved.keys, ON)
    made = SealedSite(sites.repo, sites.sealed, SimpleNamespace(), approved, keys)  # type: ignore[arg-type]
    pages = pages_in(sites.sealed)
    assert 'lang="en"' in pages["o/index.html"] and "Open your own link" in pages["o/index.html"]
    for reader in access(approved, ON).doors:
        if reader.kind == OFFICER:
            pages |= made.reached(reader)
    assert len(pages) > 60 and any(title.endswith(": query") for title in pages)
    assert left_on(sites, pages) == {}
    assert [title for title in pages if sites.left(title)] == []


def test_data_of_the_query_page_says_why_in_english(sites: Sites) -> None:
    found = [path.read_text(encoding="utf-8") for path in sorted(sites.english.rglob("data.json"))]
    assert found and any(
        "Over" in text or "No valid review" in text or "Not approved" in text for text in found
    )
    assert [text for text in found if sites.left(text)] == []


def test_a_page_without_an_english_one_is_marked_as_chinese(sites: Sites) -> None:
    own = (sites.english / "own" / "index.html").read_text(encoding="utf-8")
    assert '<div lang="zh-CN"><h1' in own and "只有中文。" in own
    assert "只有中文。" in (sites.chinese / "own" / "index.html").read_text(encoding="utf-8")
    home = (sites.english / "index.html").read_text(encoding="utf-8")
    assert "This is the open edition" in home and "这是公开版" not in home
    assert "这是公开版" in (sites.chinese / "index.html").read_text(encoding="utf-8")
    for folder in (sites.chinese, sites.english):
        assert not list(folder.rglob("*.en")) and not (folder / "index.en").exists()


def test_a_chinese_site_is_the_same_after_an_english_one(sites: Sites) -> None:
    before, after = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (sites.chinese, sites.again)
    )
    assert before == after
    assert all(b'<html lang="zh-CN"' in data for path, data in before.items() if path.suffix == ".html")


SEEN = """() => {
  const marked = element => element.closest('[lang=zh-CN]') || element.closest('[hidden]');
  const said = [];
  for (const element of document.querySelectorAll('body, body *')) {
    if (marked(element) || element.closest('script, style')) continue;
    for (const node of element.childNodes) if (node.nodeType === 3) said.push(node.data);
    for (const part of ['::before', '::after']) said.push(getComputedStyle(element, part).content);
  }
  return [said.filter(text => text.trim()), document.documentElement.scrollWidth];
}"""


def test_what_a_browser_shows_is_english_and_fits(sites: Sites) -> None:
    places = {"home": "", "nowhere": "no/such/page"}
    places |= {
        kind: address(SECRET, kind, ident)
        for kind, ident in (
            ("member", "m0001"),
            ("branch", "jg1"),
            ("committee", "sample-art"),
            ("query", "jg1"),
        )
    }
    with served(sites.english) as at, chromium() as browser:
        for width in (390, 1280):
            page = browser.new_page(viewport={"width": width, "height": 900})
            for name, where in places.items():
                page.goto(at + where)
                if name == "query":
                    page.locator(".q-table tbody tr").first.wait_for()
                    page.locator(".q-table tbody summary").first.click()
                said, wide = page.evaluate(SEEN)
                assert len(said) > 10 and [text for text in said if sites.left(text)] == [], (name, width)
                assert wide == width, (name, width)
            page.close()
