"""The site in English: no sentence is left out of the catalogue, and no page of an English site shows a Chinese one."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import catalogue
import pytest
import yaml
from browser import chromium
from conftest import BRIDGE, School
from jinja2 import Environment, nodes
from PIL import Image
from test_editions import SealedSite
from test_theme import served

from xueshi import languages, publish, records, sample, speech, totals
from xueshi.builder import Builder
from xueshi.checks import pictures
from xueshi.checks.context import Context
from xueshi.errors import UsageError
from xueshi.git import NewCommit, RefUpdate, Repository
from xueshi.model import OFFICER, SHANGHAI, Evidence, Kept, Organisation, RecordSet, Study
from xueshi.records import build_policy, parse_file, parsing, strict_yaml
from xueshi.records.evidence import look_into
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
LOOKED_FOR = {
    ("scripts/xueshi/records/schema_words.py", "，"),
    ("scripts/xueshi/records/schema_words.py", "是"),
    ("scripts/xueshi/records/schema_words.py", "计入"),
    ("scripts/xueshi/records/schema_words.py", "真"),
    ("scripts/xueshi/records/schema_words.py", "否"),
    ("scripts/xueshi/records/schema_words.py", "不计入"),
    ("scripts/xueshi/records/schema_words.py", "不"),
    ("scripts/xueshi/records/schema_words.py", "假"),
    ("scripts/xueshi/records/writer.py", "[A-Za-z一-鿿][0-9A-Za-z一-鿿_/@.，、；。“”《》（）—-]*"),
    ("scripts/xueshi/records/yaml_hints.py", "，"),
    ("scripts/xueshi/records/yaml_hints.py", " *[－—–−]"),
    ("scripts/xueshi/records/yaml_hints.py", "[ -]*[A-Za-z_]+\\s*："),
}  # what people write, and nobody is told
SPEAKING = (
    "reports/*.py", "checkup/*.py", "editions/*.py", "words.py", "offers.py", "languages.py", "mkdocs_plugin.py",
    "checks/record.py", "checks/duplicates.py", "checks/context.py", "checks/pictures.py", "records/*.py",
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


def in_program(node: ast.AST, *, said: bool = False) -> Iterator[tuple[int, str]]:
    """By line, Chinese texts of a module that are no sentence for the catalogue; what a docstring says is nobody's to read."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if CHINESE.search(node.value) and not said:
            yield node.lineno, node.value
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
            yield from ((place(path), text) for _, text in in_program(ast.parse(path.read_bytes())))
    for path in sorted((catalogue.ROOT / "site" / "theme" / "assets").iterdir()):
        if path.suffix in (".js", ".css"):
            yield from ((place(path), text) for text in in_asset(path.read_text(encoding="utf-8")))


def test_every_sentence_is_one_of_the_catalogues() -> None:
    found = set(loose())
    assert [one for one in found - LOOKED_FOR if one[0] not in NOT_SAID] == []
    assert {path for path, _ in found - LOOKED_FOR} == set(NOT_SAID), "an exception that nothing needs"
    assert found >= LOOKED_FOR, "an exception that nothing needs"


def test_a_sentence_that_is_not_said_is_found() -> None:
    """The search itself, since a search that finds nothing is worth nothing."""
    parse = Environment(extensions=["jinja2.ext.i18n"]).parse
    template = (
        '{# 注 #}<p title="题">{{ _("说") }}{{ m.state("标", _("态 %(n)s", n="数")) }}{{ x or "或" }}</p>'
    )
    assert sorted(in_template(parse(template))) == ['<p title="题">', "或", "数", "标"]
    program = '"""文档"""\ndef f():\n    """文档"""\n    return say("说"), f"粘{x}", g("别"), say(f"合{x}"), {"a": later("后")}'
    assert list(in_program(ast.parse(program))) == [(4, "粘"), (4, "别"), (4, "合")]
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


@pytest.mark.parametrize("order", [speech.LANGUAGES, speech.LANGUAGES[::-1]])
def test_a_file_read_before_tells_its_faults_in_the_language_spoken_now(
    school: School, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    """The bridge and the site may read in one process, and read each file once."""
    monkeypatch.setattr(parsing, "_PARSED", {})
    strict_yaml._slip.cache_clear()
    files = {place_of(number): fault(number) for number in range(len(FAULTS) - 1)}
    school.push(dict(files))
    heard = []
    for told in (*order, *order):
        with speech.spoken(told):
            found = (records.load(school.repo, "main").problems, records.overlay(empty_set(), files).problems)
            assert {problem.path for problem in found[0]} == files.keys()
            for problem in (*found[0], *found[1]):
                bare = re.sub("'[^']*'|“节”", "", problem.message)
                assert bool(CHINESE.search(bare)) == (told == speech.CHINESE), problem
            heard.append(found)
    assert heard[:2] == heard[2:]


def empty_set() -> RecordSet:
    return RecordSet(Organisation("", (), (), ()), build_policy.policy(build_policy.EMPTY), {}, {})


def test_what_is_decided_and_counted_depends_on_no_language(sites: Sites) -> None:
    heard = []
    for told in speech.LANGUAGES:
        with speech.spoken(told):
            approved, history = records.load_approved(sites.repo, "refs/heads/main")
            figures = totals.total(approved, approved.policy, history.approvals(), ON)
            places = sorted((p.path, p.line, p.rule, p.field, p.severity) for p in approved.problems)
            heard.append((replace(approved, problems=()), history, figures, places))
    assert heard[0] == heard[1] and len(heard[0][3]) > len(FAULTS)


def test_what_a_picture_is_instead_is_told_in_english() -> None:
    webp, png = (io.BytesIO(), io.BytesIO())
    for into, name in ((webp, "WEBP"), (png, "PNG")):
        Image.new("RGB", (4, 3)).save(into, name)
    sound, cut = webp.getvalue(), webp.getvalue()[:-1]
    with speech.spoken(speech.ENGLISH):
        assert told_of(sound) == []
        assert told_of(sound, width=3) == ["has 4×3 pixels, where the record says 3×3"]
        assert told_of(sound, bytes=1) == [f"has {len(sound)} bytes, where the record says 1"]
        assert told_of(cut) == ["is incomplete (1 byte is missing) and is not the picture that was kept"]
        assert told_of(png.getvalue()) == ["is no WebP picture but PNG and is not the picture that was kept"]
        assert told_of(sound + b"x") == [
            f"has {len(sound) + 1} bytes, where the record says {len(sound)}",
            "carries more data after its end: delete it and upload it again (the form removes these)",
        ]


def told_of(data: bytes, **said: int) -> list[str]:
    """What the check says of a picture of 4×3 pixels when this is kept under its hash."""
    found = look_into(data)
    size = len(data) - 1 if data.endswith(b"x") else len(data)
    picture = replace(Evidence(found.sha256, "", size, 4, 3), **said)
    one = parse_file(place_of(0), SOUND.format(ident=ident_of(0)).encode()).value
    assert isinstance(one, Study)
    studies = (replace(one, evidence=(picture,)),)
    kept = Kept(frozenset({found.sha256}), pictures={found.sha256: found})
    context = Context(empty_set(), studies, studies, {}, ON, kept)
    problems = [*pictures.picture_is_what_it_says(context), *pictures.picture_carries_no_metadata(context)]
    head = f"Picture {found.sha256[:12]}… "
    return [p.message.removeprefix(head).removesuffix(": upload it again") for p in problems]


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


def test_a_template_speaks_the_language_of_whoever_renders_it_and_marks_only_where_it_escapes() -> None:
    for escapes, shown in ((True, "<b>%</b>|&lt;i&gt;|"), (False, "<b>%</b>|<i>|")):
        made = Environment(autoescape=escapes)
        speech.teach(made)
        template = made.from_string("{{ _('<b>%%</b>') }}|{{ _('%(x)s', x='<i>') }}|{{ _('学习日期') }}")
        for told, date_of in (
            (speech.CHINESE, "学习日期"),
            (speech.ENGLISH, "Study date"),
            (speech.CHINESE, "学习日期"),
        ):
            with speech.spoken(told):
                assert template.render() == shown + date_of


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
    add_faults(repo)
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


SOUND = """\
schema: study/1
id: "{ident}"
member: m0001
kind: theme_day
title: Charter
start_date: "2026-03-05"
hours: 2
submitted: {{by: m0001, at: "2026-03-05T16:58:21+08:00", via: link, notice: "2026-01"}}
"""
PICTURE = 'evidence: [{sha256: "' + "ab" * 32 + '", source_sha256: "' + "cd" * 32 + '"'
FAULTS = (  # a slip in a record, and how an English page tells it
    ("hours: 2\n", "hours: [2\n", "The bracket that opens on line 7 is not closed: add } or ]"),
    ("hours: 2\n", "hours：2\n", "A Chinese colon is used: write “:” and a space after it"),
    ("hours: 2\n", "hours:2: 2\n", "The colon lacks a space after it: add it"),
    ("hours: 2\n", "hours: 2\nhours: 2\n", "The field 'hours' is written twice (also on line 7): keep only one"),
    ("hours: 2\n", "hours: 两学时\n", "hours must be a number, not '两学时'"),
    ("hours: 2\n", "hours: 2节\n", "hours must be a number, not '2节'; leave out the unit “节” and write only 2"),
    ("hours: 2\n", "hours: 100%\n", "not '100%'; write the percentage as the decimal fraction 1"),
    ("hours: 2\n", "hours: 2\nphone: 1\n", "There is no field 'phone': delete it or correct its spelling (known: schema, id,"),
    ("kind: theme_day\n", "", "A field is missing: add kind"),
    ("Charter", '" "', "title is not written as it should be: ' '; it cannot be blanks alone"),
    ("via: link", "via: 网页", "via cannot be '网页'; it may be: link, poster, staff, import"),
    ('"2026-03-05"\n', '"2026-02-30"\n', "start_date must be a date that exists, like “2026-03-05”, in quotes, not '2026-02-30'"),
    ("submitted: {", PICTURE + ", bytes: 0}]\nsubmitted: {", "A field is missing: add width"),
    ("submitted: {", PICTURE + ", bytes: 9, width: 4, height: 3}]\nsubmitted: {", ""),  # of a picture that is none
)  # fmt: skip


def add_faults(repo: Repository) -> None:
    """Records as no form writes them, and files that are no records; a picture that is none."""
    tip = repo.resolve("refs/heads/main")
    pictures = repo.resolve("refs/heads/evidence/2026")
    assert tip is not None and pictures is not None
    at = datetime(2026, 11, 23, 23, 30, tzinfo=SHANGHAI)
    files: dict[str, bytes | None] = {"records/jg1/notes.txt": b"-", place_of(99): b"#" * 200_001}
    for number in range(len(FAULTS)):
        files[place_of(number)] = fault(number)
    broken = {records.evidence_path("ab" * 32): b"no picture"}
    made = repo.commits(
        [
            NewCommit((tip,), files, "Push faults\n", BRIDGE, at),
            NewCommit((pictures,), broken, "Keep evidence\n", BRIDGE, at),
        ]
    )
    repo.update_refs(
        [
            RefUpdate("refs/heads/main", made[0], tip),
            RefUpdate("refs/heads/evidence/2026", made[1], pictures),
        ]
    )


def fault(number: int) -> bytes:
    """A record with one of FAULTS."""
    old, new, _ = FAULTS[number]
    text = SOUND.format(ident=ident_of(number))
    assert text.count(old) == 1
    return text.replace(old, new).encode()


def ident_of(number: int) -> str:
    return f"01KJYKG9Z08M4T0V2N9X5B7C{number:02}"


def place_of(number: int) -> str:
    return f"records/jg1/2026/{ident_of(number)}.yaml"


def data_of(repo: Repository) -> re.Pattern[str]:
    """Whatever the records hold or held, as they wait too, the longest first."""
    listed = repo.run("rev-list", "--objects", "--all", "--", "records").decode().splitlines()
    blobs = [line.split()[0] for line in listed if line.endswith((".yaml", ".yml"))]
    texts = {"节"}  # a unit in one of FAULTS
    for data in repo.blobs(blobs).values():
        with contextlib.suppress(yaml.YAMLError):  # of what is no YAML a page quotes nothing
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


def test_faults_of_a_file_are_told_in_english(sites: Sites) -> None:
    page = sites.english / address(SECRET, "branch", "jg1") / "index.html"
    told = " ".join(Shown(page.read_text(encoding="utf-8")).found)
    assert [words for _, _, words in FAULTS if words not in told] == []
    assert "The file has 200001 bytes, at most 200000 are allowed: shorten it" in told
    assert (
        "records holds only the policy, the organisation, rosters, keys.yaml and branch/year/id.yaml" in told
    )


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
