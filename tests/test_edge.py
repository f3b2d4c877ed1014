"""The edges of what people write, paste, photograph and are called; cases/edge/ has an input and its outcome a line.

The form has one field for a thing and cannot ask back: where a reviewer of a spreadsheet would be asked, it refuses
and says what to write instead. Rows for an importer of spreadsheets, which there is not yet:

N2 N3 N4 N5 N6 N7 N8 N9 N10 N11 N12 (a column of names and branches; the form's link knows its member),
U6 (the same file twice), U7 (entered for a branch and by its members, too), and everything about whole tables.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import BRIDGE, DESK, School, committee_files, person
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from starlette.testclient import TestClient
from test_checkup import every, members, school_of
from test_pictures import bomb, photo
from test_record_checks import AT, DAY, EVIDENCE, TODAY, study
from test_record_checks import judge as found_by

from xueshi import pictures, project, reading, records, totals, ulids, words
from xueshi.bridge import Office, form, make_app
from xueshi.checks import duplicates, organisation, record, rule_id
from xueshi.errors import PictureRefused
from xueshi.hosts.local import LocalHost
from xueshi.links import Links
from xueshi.model import SHANGHAI, Conversion, Policy, RecordSet, Roster, Severity, Study, Term
from xueshi.outbox import Outbox
from xueshi.pinyin import initials, sort_key
from xueshi.proposals import Sent, register
from xueshi.records import parse_file, render, study_file
from xueshi.records.evidence import look_into
from xueshi.totals.sums import by_year

FOLDER = Path(__file__).parent / "cases" / "edge"
ROWS = {"N": 13, "D": 14, "H": 18, "U": 7, "P": 12}
ROSTER = "records/jg1/roster.yaml"
Case = dict[str, Any]


def topic(name: str) -> Case:
    """The cases of a topic; every scalar is text, so that nothing guesses at 2026-3-5 or no."""
    return yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)


def rows(name: str) -> list[tuple[str, Case]]:
    """The cases of a topic that have the number of a row."""
    found = topic(name).items()
    return [(row, case) for row, cases in found if re.fullmatch(r"[NDHUP]\d+", row) for case in cases]


def inputs(name: str) -> list[Any]:
    """One a text: the row, the text, its case."""
    return [
        pytest.param(text, case, id=f"{row}-{text}")
        for row, case in rows(name)
        for text in case.get("texts", ())
    ]


def picked(name: str, field: str) -> list[Any]:
    return [pytest.param(case, id=f"{row}-{n}") for n, (row, case) in enumerate(rows(name)) if field in case]


def test_every_row_has_a_case_or_is_listed_as_the_importers() -> None:
    names = ("names", "dates", "hours", "duplicates", "pictures")
    covered = {row for name in names for row, _ in rows(name)}
    listed = set(re.findall(r"\b[NDHUP]\d+\b", __doc__ or ""))
    assert covered | listed == {f"{letter}{n}" for letter, last in ROWS.items() for n in range(1, last + 1)}
    assert not covered & listed
    assert {path.stem for path in FOLDER.iterdir()} == {*names, "texts", "branches"}


def shipped() -> Policy:
    value = parse_file("records/policy.yaml", project.policy_file()).value
    assert isinstance(value, Policy)
    return value


@pytest.fixture
def school(tmp_path: Path) -> School:
    """As everywhere, with one who joined in February and a second 王演."""
    host = LocalHost.create(tmp_path / "host.git", DESK)
    joined = [{"from": "2026-02-01", "status": "full"}]
    jg1 = [person("m0012", "林样青"), person("m0003", "韦测宁"), person("m0005", "罗例言")]
    jg1 += [person("m0020", "黄试远", periods=joined), person("m0030", "王演")]
    files = {**committee_files(), ROSTER: render("roster", {"schema": "roster/1", "members": jg1})}
    made = School(host.repo)
    made.to_main(made.commit((), files, "Begin\n", BRIDGE))
    return made


@pytest.fixture
def office(school: School, tmp_path: Path) -> Office:
    host = LocalHost(school.repo, DESK)
    return Office(
        Outbox(tmp_path / "outbox"), host.repo, host, Links(b"secret", "http://bridge.test"),
        pulls=host.open_pulls, page=lambda kind, ident, reader="": f"/site/{kind}/{ident}", now=lambda: AT, wake=lambda: None,
    )  # fmt: skip


@pytest.fixture
def client(office: Office) -> Iterator[TestClient]:
    with TestClient(make_app(office, []), base_url="http://bridge.test") as made:
        yield made


# --- dates and hours


def by_form(office: Office, text: str, at: datetime, member: str) -> tuple[Sent | None, dict[str, str]]:
    """What the form makes of a date that is sent at a moment."""
    office.now = lambda: at.astimezone(SHANGHAI)
    current = office.current()
    branch = current.branch("jg1")
    assert branch is not None
    said = {"start_date": text, "kind": "theme_day", "title": "党章专题学习", "hours": "2"}
    entry = form.Entry(current.people[member], branch, "link")
    sent, faults = form.understand(form.typed(said), entry, current, now=office.now(), evidence=())
    return sent, faults if sent is None else form.judge(sent, current, ())


@pytest.mark.parametrize(("text", "case"), inputs("dates"))
def test_a_day_is_understood_or_the_cure_is_told(office: Office, text: str, case: Case) -> None:
    today = date.fromisoformat(case.get("today", topic("dates")["today"]))
    if "form" in case:
        noon = datetime.combine(today, time(12), SHANGHAI)
        at = datetime.fromisoformat(case["at"]) if "at" in case else noon
        sent, faults = by_form(office, text, at, case.get("member", "m0012"))
        if "words" in case:
            assert list(faults) == ["start_date"] and case["words"] in faults["start_date"]
            return
        assert sent is not None and not faults and sent.start_date.isoformat() == case["day"]
        if "year" in case:
            _counts_in_its_year(office, register(sent), case)
    elif "words" in case:
        with pytest.raises(reading.Unclear, match=re.escape(case["words"])):
            reading.day(text, today)
    else:
        assert reading.day(text, today).isoformat() == case["day"]


def _counts_in_its_year(office: Office, one: Study, case: Case) -> None:
    found = replace(office.current().records, studies={one.path: one})
    figures = totals.total(found, found.policy, {one.path}, office.current().today)
    assert by_year(figures.members[one.member].credits) == {int(case["year"]): 2}
    told = [(p.severity, "天后才登记" in p.message) for p in found_by(record.late_entry, found, [one])]
    assert told == ([(Severity.NOTE, True)] if case["late"] == "true" else [])


def conversion(case: Case) -> Conversion:
    return replace(
        shipped().conversion(DAY), minutes_per_hour=Decimal(case.get("minutes_per_hour", 60)), until=None
    )


@pytest.mark.parametrize(("text", "case"), inputs("hours"))
def test_hours_are_understood_or_the_cure_is_told(text: str, case: Case) -> None:
    if "words" in case:
        with pytest.raises(reading.Unclear, match=re.escape(case["words"])):
            reading.hours(text, conversion(case))
    else:
        assert reading.hours(text, conversion(case)) == Decimal(case["hours"])


@pytest.mark.parametrize(
    "case", [*picked("hours", "claimed"), *[c for c in picked("hours", "credited") if "texts" in c.values[0]]]
)
def test_hours_claimed_are_credited_or_doubted(office: Office, case: Case) -> None:
    one = study(1, hours=Decimal(case.get("claimed") or case["hours"]))
    one = replace(one, duration_minutes=int(case["minutes"]) if "minutes" in case else None)
    found = replace(office.current().records, studies={one.path: one})
    told = [p.message for p in found_by(record.hours_agree_with_duration, found, [one])]
    assert [case["words"] in message for message in told] == ([True] if "words" in case else [])
    if "credited" in case:
        (credit,) = totals.total(found, found.policy, {one.path}, TODAY).members[one.member].credits
        assert credit.credited == Decimal(case["credited"])


PIECES = """2026 26 3 5 31 1.5 0 -2 46086 年 月 日 号 - / . 。 , : ～ 至 到 、 点 半 刻 上午 下午 晚上 周四 星期天
二〇二六 十 百 两 一 个 小时 学时 分钟 h m ' 天 约 左右 + T Z +08:00 ² ٣ ㈢ ㋂"""
ANYTHING = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from(re.split("([ \n])", PIECES)), max_size=12).map("".join)
)


@given(ANYTHING, st.dates())
@example("2026-02-29T25:61:00Z", date.min)
@example("9999-12-31T23:59:59-23:59", date.max)
@example("1月1日", date.min)
@example("3.5", date.max)
def test_whatever_is_written_for_a_day_is_a_day_or_told(text: str, today: date) -> None:
    try:
        found = reading.day(text, today)
    except reading.Unclear as unclear:
        assert re.search("请", str(unclear))
    else:
        assert reading.day(found.isoformat(), today) == found
        assert found.year < 1000 or reading.day(reading.told(found), today) == found


@given(ANYTHING)
def test_whatever_is_written_for_hours_is_hours_or_told(text: str) -> None:
    try:
        found = reading.hours(text, shipped().conversion(DAY))
    except reading.Unclear as unclear:
        assert re.search("请|要大于 0", str(unclear))
    else:
        assert 0 < found <= 24 and found % Decimal("0.25") == 0
        assert reading.hours(words.plain(found), shipped().conversion(DAY)) == found


def test_a_text_without_end_is_told_at_once() -> None:
    for text in ("1" + " " * 200_000 + "x", "二" * 200_000, "14:30-" * 50_000, "星期" * 100_000):
        with pytest.raises(reading.Unclear):
            reading.day(text, TODAY)
        with pytest.raises(reading.Unclear):
            reading.hours(text, shipped().conversion(DAY))


# --- texts


def read_back(one: Study) -> Study:
    """The record as it is read from its file, which an ordinary reader of YAML reads alike."""
    data = study_file(one)
    parsed = parse_file(one.path, data)
    assert isinstance(parsed.value, Study) and parsed.problems == ()
    plain = yaml.safe_load(data)
    assert (plain["title"], plain.get("content")) == (one.title, one.content)
    return parsed.value


@pytest.mark.parametrize("case", topic("texts")["texts"], ids=lambda case: case["text"][:20])
def test_a_text_is_kept_as_it_was_meant(case: Case) -> None:
    text = reading.clean(case["text"] * int(case.get("times", 1)))
    assert text == case.get("clean", (case["text"] * int(case.get("times", 1))).strip())
    assert reading.clean(text) == text
    title = text if "title" in case else "党章专题学习"
    one = study(1, title=title, content=text)
    assert read_back(one) == one
    shown = words.markdown(text)
    assert "<" not in shown and "\n" not in shown


@given(st.text(max_size=80))
def test_any_text_that_was_cleaned_comes_back_the_same(text: str) -> None:
    kept = reading.clean(text)
    assert reading.clean(kept) == kept
    if kept:
        one = study(1, title=kept[:60], content=kept)
        assert not kept[:60].strip() or read_back(one) == one


@pytest.mark.parametrize(
    "case", topic("texts")["limits"], ids=lambda case: f"{case['field']}-{case['chars']}"
)
def test_a_text_has_its_length_and_the_fault_its_line(case: Case) -> None:
    chars, letters = int(case["chars"]), case.get("char", "长")
    text = letters * (chars // len(letters))
    parsed = parse_file(study(1).path, study_file(replace(study(1), **{case["field"]: text})))
    if "words" not in case:
        assert isinstance(parsed.value, Study) and not parsed.problems
        return
    assert {p.line for p in parsed.problems} == {int(case["line"])}
    assert any(case["words"] in p.message for p in parsed.problems)


# --- names


def test_names_come_back_from_their_roster_as_they_were_written() -> None:
    names = [one["name"] for one in topic("names")["people"]]
    listed = [person(f"m{number:04d}", name) for number, name in enumerate(names)]
    data = render("roster", {"schema": "roster/1", "members": listed})
    parsed = parse_file(ROSTER, data)
    assert isinstance(parsed.value, Roster) and parsed.problems == ()
    assert [entry.name for entry in parsed.value.members] == names
    assert [entry["name"] for entry in yaml.safe_load(data)["members"]] == names


@pytest.mark.parametrize("case", topic("names")["people"], ids=lambda case: case["name"])
def test_a_name_is_found_by_its_pinyin(case: Case) -> None:
    key = sort_key(case["name"])
    assert key[-1] == case["name"] and list(key[: len(case.get("key", ()))]) == case.get("key", [])
    assert initials(case["name"]) == case.get("letters", initials(case["name"])) != ""


def test_names_stand_in_the_order_people_look_them_up() -> None:
    order = topic("names")["order"]
    assert sorted(set(order), key=sort_key) == order


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_names_can_be_put_in_order(names: list[str]) -> None:
    assert sorted(sorted(names, key=sort_key)) == sorted(names)
    assert all(initials(name) for name in names)


@pytest.mark.parametrize("case", [*picked("names", "text")])
def test_a_name_is_cleaned_of_what_cannot_be_seen_and_not_respelled(case: Case) -> None:
    assert reading.clean(case["text"]) == case["clean"]


def test_two_of_one_name_are_two_people(school: School, office: Office, client: TestClient) -> None:
    twice = topic("names")["twice"]
    people = office.current().people
    for branch, ident in twice["ids"].items():
        assert people[ident].name == twice["name"] and people[ident].memberships[0].branch == branch
        poster = client.get(office.links.poster(branch).removeprefix("http://bridge.test")).text
        assert [other in poster for other in twice["ids"].values()] == [
            other == ident for other in twice["ids"].values()
        ]


def test_one_id_is_one_person_and_records_never_share_one(school: School) -> None:
    assert len({ulids.new(AT) for _ in range(2000)}) == 2000
    same = [person("m0012", "林样青"), person("m0012", "韦测宁")]
    school.push({ROSTER: render("roster", {"schema": "roster/1", "members": same})})
    told = found_by(organisation.members_stand_once, records.load(school.repo, "main"), [])
    assert ["'m0012' 写了不止一次" in problem.message for problem in told] == [True]


# --- branches


@pytest.mark.parametrize("case", topic("branches")["branches"], ids=lambda case: case["name"])
def test_a_branch_at_the_edge_of_a_norm(case: Case) -> None:
    full, probationary, exempt = (int(case.get(name, 0)) for name in ("full", "probationary", "exempt"))
    size = int(case["size"]) if "size" in case else None
    start = date.fromisoformat(case.get("term", "2025-01-01"))
    terms = (Term(start, None, size),) if "size" in case or "term" in case else ()
    found = school_of(members(full, probationary, exempt), type=case.get("type"), terms=terms)
    on = date.fromisoformat(topic("branches")["on"])
    for norm, verdict in case["expect"].items():
        told = every(found, norm, on)
        assert [one.verdict for one in told] == ([] if verdict == "null" else [verdict]), norm
        assert case.get("words", "") in "；".join(line for one in told for line in one.details)


# --- duplicates

LIKENESSES = (duplicates.same_event_once, duplicates.times_do_not_overlap, duplicates.picture_of_one_day)


def of_case(number: int, said: Case) -> Study:
    titles = ("国旗法学习", "保密知识讲座", "读书分享会")
    shown = (replace(EVIDENCE, source_sha256=said["picture"] * 64),) if "picture" in said else ()
    return study(
        number,
        member=said.get("member", "m0012"),
        title=said.get("title", titles[number - 1]),
        start_date=date.fromisoformat(said.get("date", DAY.isoformat())),
        start_time=said.get("from"),
        end_time=said.get("to"),
        evidence=shown,
    )


@pytest.mark.parametrize("case", picked("duplicates", "records"))
def test_records_alike_are_told_to_the_reviewer(office: Office, case: Case) -> None:
    found: RecordSet = office.current().records
    both = [of_case(number, said) for number, said in enumerate(case["records"], 1)]
    told = {rule_id(rule): found_by(rule, found, both) for rule in LIKENESSES}
    assert [name for name, problems in told.items() if problems] == case["told"]
    assert all(p.severity is Severity.WARNING for problems in told.values() for p in problems)


@pytest.mark.parametrize("case", picked("duplicates", "sent"))
def test_one_form_sent_again_is_one_submission(office: Office, client: TestClient, case: Case) -> None:
    said = {
        "start_date": DAY.isoformat(),
        "kind": "theme_day",
        "title": "党章专题学习",
        "hours": "2",
        "key": "k",
    }
    path = office.links.personal("m0012").removeprefix("http://bridge.test")
    answers = [client.post(path, data=said, follow_redirects=False) for _ in range(int(case["sent"]))]
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == int(case["kept"])
    assert len(office.outbox.of_member("m0012")) == int(case["kept"])


# --- pictures


def encoded(width: int, height: int, form: str = "JPEG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(out, form, **more)
    return out.getvalue()


def camera() -> bytes:
    """Ten megabytes as a sensor gives them, turned on their side, with place and time."""
    grain = Image.merge("RGB", [Image.effect_noise((4032, 3024), 25)] * 3)
    scene = Image.radial_gradient("L").resize(grain.size).convert("RGB")
    exif = Image.open(io.BytesIO(photo(orientation=6))).getexif()
    out = io.BytesIO()
    Image.blend(scene, grain, 0.5).save(out, "JPEG", quality=100, subsampling=0, exif=exif)
    assert 10_000_000 < len(out.getvalue()) <= pictures.MAX_SENT
    return out.getvalue()


def heic(orientation: int) -> bytes:
    exif = Image.open(io.BytesIO(photo(orientation=orientation))).getexif()
    return encoded(400, 300, "HEIF", exif=exif.tobytes())


def png_with_text() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "payload")
    return encoded(400, 300, "PNG", pnginfo=told)


def screenshot(mode: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1080, 2400), "white").convert(mode).save(out, "PNG")
    return out.getvalue()


def bomb_whole() -> bytes:
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


def bomb_jpeg() -> bytes:
    """A small one that says it is 30000 by 30000."""
    data = encoded(400, 300)
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + (30_000).to_bytes(2, "big") * 2 + data[at + 4 :]


def odd_date() -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    return encoded(400, 300, exif=exif)


def short(form: str) -> bytes:
    data = encoded(400, 300, form)
    return data[: len(data) // 2]


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
MAKE: dict[str, Callable[[], bytes]] = {
    "camera": camera,
    "panorama": lambda: encoded(14_000, 1560),
    "heic": lambda: heic(1),
    "heic_turned": lambda: heic(6),
    "avif": lambda: encoded(400, 300, "AVIF"),
    "webp": lambda: encoded(400, 300, "WEBP"),
    "mpo": lambda: encoded(400, 300, "MPO", save_all=True, append_images=[Image.new("RGB", (400, 300))]),
    "screenshot": lambda: screenshot("RGB"),
    "screenshot_palette": lambda: screenshot("P"),
    "pdf": lambda: b"%PDF-1.7\n",
    "docx": lambda: b"PK\x03\x04" + bytes(200),
    "doc": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200),
    "nothing": lambda: b"",
    "zeros": lambda: bytes(4096),
    "text": lambda: "改名成 .jpg 的文字".encode(),
    **{f"short_{form.lower()}": lambda form=form: short(form) for form in ("JPEG", "PNG", "AVIF", "WEBP")},  # type: ignore[misc]
    "short_heic": lambda: heic(1)[:700],
    "svg": lambda: SVG,
    "svg_after_spaces": lambda: b"\r\n  " + SVG.upper(),
    "svg_with_bom": lambda: b"\xef\xbb\xbf" + SVG,
    "html_polyglot": lambda: b"<html><script>alert(1)</script>" + encoded(400, 300),
    "gif_polyglot": lambda: b"GIF89a" + encoded(400, 300),
    "jpeg_with_zip": lambda: encoded(400, 300) + b"PK\x03\x04 payload",
    "jpeg_with_script": lambda: encoded(400, 300, comment=b"<script>payload</script>"),
    "png_with_text": png_with_text,
    "bomb_head": bomb,
    "bomb_whole": bomb_whole,
    "bomb_jpeg": bomb_jpeg,
    "odd_date": odd_date,
    "mov": lambda: b"\0\0\0\x14ftypqt  " + bytes(200),
    "mp4": lambda: b"\0\0\0\x18ftypmp42" + bytes(200),
    "wechat": lambda: encoded(1080, 1440, quality=60),
}
SMALL = {kind: encoded(60, 40, kind) for kind in ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")}


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{row}-{name}")
        for row, case in rows("pictures")
        for name in case.get("make", ())
    ],
)
def test_a_picture_is_kept_clean_or_the_cure_is_told(name: str, case: Case) -> None:
    if "words" in case:
        with pytest.raises(PictureRefused, match=re.escape(case["words"])):
            pictures.clean(MAKE[name]())
        return
    made = pictures.clean(MAKE[name]())
    assert [made.width, made.height] == [int(side) for side in case["size"]]
    if "taken" in case:
        assert str(made.taken_on) == case["taken"].replace("null", "None")
    found = look_into(made.data)
    assert (found.fault, found.metadata, found.format) == ("", (), "WEBP")
    assert found.size <= pictures.MAX_KEPT and b"payload" not in made.data


@pytest.mark.parametrize("case", picked("pictures", "needs"))
def test_a_picture_is_missed_where_the_policy_asks_for_one(office: Office, case: Case) -> None:
    found = office.current().records
    kind = replace(found.policy.kinds["theme_day"], needs=tuple(case["needs"]))
    asking = replace(found, policy=replace(found.policy, kinds={**found.policy.kinds, "theme_day": kind}))
    told = found_by(record.kind_needs_its_fields, asking, [study(1)])
    assert [rule_id(record.kind_needs_its_fields) for _ in told] == case["told"]
    assert all("学习照片" in p.message and p.severity is Severity.WARNING for p in told)


def send(office: Office, client: TestClient, key: str, photos: list[tuple[str, bytes]]) -> Any:
    said = {
        "start_date": DAY.isoformat(),
        "kind": "theme_day",
        "title": "党章专题学习",
        "hours": "2",
        "key": key,
        "end": "1",
    }
    path = office.links.personal("m0012").removeprefix("http://bridge.test")
    files = [("photos", (name, data, "image/jpeg")) for name, data in photos]
    return client.post(path, data=said, files=files, follow_redirects=False)


@pytest.mark.parametrize("case", picked("pictures", "names"))
def test_no_picture_keeps_its_name(office: Office, client: TestClient, tmp_path: Path, case: Case) -> None:
    before = set(tmp_path.iterdir())
    for number, name in enumerate(case["names"]):
        name = "长" * 200 + ".jpg" if name == "long" else name
        answer = send(office, client, f"k{number}", [(name, encoded(40 + number, 30))])
        assert answer.status_code == 303, (name, answer.text)
        (kept,) = office.outbox.of_member("m0012")[0].sent.evidence
        assert kept.width == 40 + number
        data = study_file(register(office.outbox.of_member("m0012")[0].sent))
        stored = [path for path in (tmp_path / "outbox").rglob("*") if path.is_file()]
        assert not any(name.encode() in text for text in (data, *(path.read_bytes() for path in stored)))
        assert any(kept.sha256 in path.name for path in stored)
        assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("case", picked("pictures", "chosen"))
def test_there_are_at_most_three_pictures(office: Office, client: TestClient, case: Case) -> None:
    photos = [(f"{n}.jpg", encoded(40 + n, 30)) for n in range(int(case["chosen"]))]
    answer = send(office, client, "k", photos)
    if "words" in case:
        assert answer.status_code == 422 and case["words"] in answer.text
        assert answer.text.count('name="kept"') == form.MAX_PICTURES
    else:
        assert answer.status_code == 303


@given(st.sampled_from(sorted(SMALL)), st.data())
def test_a_hurt_picture_is_kept_or_refused(kind: str, data: st.DataObject) -> None:
    hurt = bytearray(SMALL[kind][: data.draw(st.integers(1, len(SMALL[kind])))])
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5)):
        hurt[at : at + 1] = bytes([byte])
    try:
        made = pictures.clean(bytes(hurt))
    except PictureRefused as refused:
        assert "请" in refused.reason
    else:
        assert look_into(made.data).fault == ""
