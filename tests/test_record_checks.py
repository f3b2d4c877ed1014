"""What the check says of records beside each other, and of the pictures they name, in detail."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import ClassVar

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from test_pictures import photo

from xueshi import pictures, records, ulids
from xueshi.checks import duplicates, record, rule_id
from xueshi.checks import pictures as picture_rules
from xueshi.checks.context import Context
from xueshi.cli import main
from xueshi.git import Repository
from xueshi.model import (
    SHANGHAI,
    Evidence,
    Kept,
    Picture,
    Problem,
    RecordSet,
    Severity,
    Study,
    Submitted,
    Void,
)
from xueshi.records import evidence_path
from xueshi.records.evidence import look_into

TODAY = date(2026, 11, 19)
DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 18, 0, tzinfo=SHANGHAI)
KEPT = pictures.clean(photo())
EVIDENCE = Evidence(KEPT.sha256, KEPT.source_sha256, len(KEPT.data), KEPT.width, KEPT.height)
Rule = Callable[[Context], Iterator[Problem]]


@pytest.fixture
def empty(school: School) -> RecordSet:
    return records.load(school.repo, "main")


def study(number: int, **changes: object) -> Study:
    ident = ulids.new(AT + timedelta(seconds=number))
    path = f"records/jg1/2026/{ident}.yaml"
    made = Study(path, "jg1", ident, "m0012", "theme_day", "党章专题学习", DAY, Decimal(2), Submitted("m0012", AT, "link", "2026-01"))  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def judge(
    rule: Rule,
    found: RecordSet,
    studies: Iterable[Study],
    judged: Iterable[Study] | None = None,
    evidence: Kept | None = None,
) -> list[Problem]:
    everything = tuple(studies)
    chosen = everything if judged is None else tuple(judged)
    beside = replace(found, studies={one.path: one for one in everything})
    return list(rule(Context(beside, chosen, everything, found.people(), TODAY, evidence)))


def said(rule: Rule, found: RecordSet, *studies: Study) -> list[tuple[str, Severity]]:
    """Ids of the records that a rule names, and how gravely."""
    return [(p.path.split("/")[-1][:26], p.severity) for p in judge(rule, found, studies)]


# --- dates, hours, fields


def test_a_study_before_the_earliest_day_is_refused(empty: RecordSet) -> None:
    early = study(1, start_date=date(2023, 12, 31))
    (problem,) = judge(record.date_is_in_plan, empty, [early])
    assert problem.severity is Severity.ERROR and "早于 2024年1月1日，请核对年份" in problem.message
    void = replace(early, void=Void("m0003", AT, "年份写错"))
    assert judge(record.date_is_in_plan, empty, [void, study(2, start_date=date(2024, 1, 1))]) == []
    open_ended = replace(empty, policy=replace(empty.policy, earliest=None))
    (problem,) = judge(record.date_is_in_plan, open_ended, [early])
    assert problem.severity is Severity.WARNING and "规划开始" in problem.message


@pytest.mark.parametrize(("days", "late"), [(60, False), (61, True)])
def test_an_entry_is_late_by_days_in_shanghai_after_the_last_day(
    empty: RecordSet, days: int, late: bool
) -> None:
    assert empty.policy.latest_days == 60
    midnight = datetime(2026, 1, 3, 0, 30, tzinfo=SHANGHAI) + timedelta(days)  # the day before in UTC
    sent = Submitted("m0012", midnight.astimezone(), "link", "2026-01")
    one = study(1, start_date=date(2026, 1, 1), end_date=date(2026, 1, 3), submitted=sent)
    found = judge(record.late_entry, empty, [one])
    assert [(p.severity, "61 天后才登记（超过 60 天" in p.message) for p in found] == (
        [(Severity.NOTE, True)] if late else []
    )
    assert judge(record.late_entry, empty, [replace(one, void=Void("m0003", AT, "错"))]) == []
    never = replace(empty, policy=replace(empty.policy, latest_days=None))
    assert judge(record.late_entry, never, [one]) == []


def test_an_off_job_training_says_who_organised_it(empty: RecordSet) -> None:
    training = study(1, kind="off_job")
    (problem,) = judge(record.kind_needs_its_fields, empty, [training])
    assert "脱产培训要写明主办层级" in problem.message
    assert (problem.severity, problem.field) == (Severity.WARNING, "organiser_level")
    fine = [replace(training, organiser_level="college"), study(2), replace(training, kind="unheard_of")]
    assert judge(record.kind_needs_its_fields, empty, fine) == []
    shown = replace(empty.policy.kinds["theme_day"], needs=("evidence", "place"))
    asking = replace(empty, policy=replace(empty.policy, kinds={**empty.policy.kinds, "theme_day": shown}))
    fields = [p.field for p in judge(record.kind_needs_its_fields, asking, [study(1)])]
    assert fields == ["evidence", "place"]


@pytest.mark.parametrize(
    ("hours", "more", "words"),
    [
        ("2", {"duration_minutes": 120}, ""),
        ("1", {"duration_minutes": 120}, ""),
        ("1.5", {"duration_minutes": 100}, ""),
        ("2", {"duration_minutes": 100}, "申报 2 学时，而 100 分钟折算成 1.5 学时"),
        ("2", {"start_time": "14:30", "end_time": "16:30"}, ""),
        ("2.5", {"start_time": "14:30", "end_time": "16:30"}, "而 14:30—16:30（120 分钟）折算成 2 学时"),
        ("2", {"start_time": "14:30", "end_time": "16:30", "duration_minutes": 90}, "而 90 分钟折算成 1.5 学时"),
        ("8", {"start_time": "09:00", "end_time": "11:00", "end_date": DAY + timedelta(1)}, ""),
        ("1", {"kind": "online_self", "duration_minutes": 31}, ""),
        ("1", {"kind": "online_self", "duration_minutes": 29}, "29 分钟折算成 0.5 学时"),
        ("2", {"start_time": "16:30", "end_time": "14:30"}, ""),  # the order is another rule's
    ],
)  # fmt: skip
def test_hours_claimed_agree_with_the_time_it_took(
    empty: RecordSet, hours: str, more: dict[str, object], words: str
) -> None:
    found = judge(record.hours_agree_with_duration, empty, [study(1, hours=Decimal(hours), **more)])
    assert [p.severity for p in found] == ([Severity.WARNING] if words else [])
    assert all(words in p.message for p in found)


def test_only_records_that_use_up_the_day_are_in_its_sum(empty: RecordSet) -> None:
    morning, evening = study(1, hours=Decimal(6)), study(2, hours=Decimal(3))
    assert len(judge(record.day_is_within_cap, empty, [morning, evening])) == 2
    own = replace(evening, kind="self_study")
    other_day = replace(evening, start_date=DAY + timedelta(1))
    for beside in (own, other_day, replace(evening, void=Void("m0003", AT, "重复"))):
        assert judge(record.day_is_within_cap, empty, [morning, beside]) == []
    (cap,) = [cap for cap in empty.policy.caps if cap.per == "day"]
    for other in (replace(cap, enabled=False), replace(cap, until=DAY), replace(cap, per="year")):
        changed = replace(empty, policy=replace(empty.policy, caps=(other,)))
        assert judge(record.day_is_within_cap, changed, [morning, evening]) == []


def test_a_span_of_millennia_costs_nothing(empty: RecordSet) -> None:
    long = [study(n, end_date=date(9999, 12, 31)) for n in range(50)]
    before = time.monotonic()
    for rule in (record.hours_fit_the_days, record.day_is_within_cap, duplicates.same_event_once):
        judge(rule, empty, long)
    assert time.monotonic() - before < 1


# --- duplicates


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("党章专题学习", "党章专题学习", True),
        ("党章专题学习", "党章 专题学习！", True),
        ("ＡＩ 通识课１", "ai通识课1", True),
        ("党章专题学习", "主题党日：党章专题学习（第一次）", True),
        ("学习党的二十届三中全会精神", "学习党的二十届三中全会的精神", True),
        ("“七一”主题党日", "七一主题党日活动", True),
        ("党课", "党课：从一张校报看变化", False),  # two characters say too little
        ("读书分享会", "消防安全知识学习", False),
        ("保密知识讲座", "保密知识竞赛与讲评", False),
        ("！！", "？？", False),
        ("！！", "！！", True),
    ],
)
def test_titles_are_compared_by_their_letters(empty: RecordSet, one: str, other: str, alike: bool) -> None:
    first, second = study(1, title=one), study(2, title=other)
    assert duplicates.is_same_event(first, second) is duplicates.is_same_event(second, first) is alike
    expected = [(second.id, Severity.WARNING)] if alike else []
    assert said(duplicates.same_event_once, empty, first, second) == expected


def test_a_likeness_names_the_other_and_needs_the_same_member_and_day(empty: RecordSet) -> None:
    first, second = study(1, title="党章专题学习（上）"), study(2)
    (problem,) = judge(duplicates.same_event_once, empty, [first, second])
    assert f"同一天已有相近主题的登记《党章专题学习（上）》（{first.id}）" in problem.message
    for changes in ({"member": "m0003"}, {"start_date": DAY + timedelta(1)}):
        assert said(duplicates.same_event_once, empty, first, replace(second, **changes)) == []
        assert not duplicates.is_same_event(first, replace(second, **changes))
    week = replace(first, start_date=DAY - timedelta(2), end_date=DAY + timedelta(2))
    (problem,) = judge(duplicates.same_event_once, empty, [week, second])
    assert "2026年2月28日起的几天里已有" in problem.message


def test_a_voided_record_and_its_replacement_are_no_duplicates(empty: RecordSet) -> None:
    clock = {"start_time": "14:30", "end_time": "16:30"}
    wrong = study(1, void=Void("m0003", AT, "写错"), evidence=(EVIDENCE,), **clock)
    right = study(2, replaces=wrong.id, evidence=(EVIDENCE,), **clock)
    moved = replace(right, start_date=DAY + timedelta(1))
    for rule in (duplicates.same_event_once, duplicates.times_do_not_overlap, duplicates.picture_of_one_day):
        assert said(rule, empty, wrong, right) == said(rule, empty, wrong, moved) == []
    assert not duplicates.is_same_event(wrong, right)


def test_the_later_one_is_reported_unless_only_the_earlier_is_judged(empty: RecordSet) -> None:
    clock = {"start_time": "14:30", "end_time": "16:30", "evidence": (EVIDENCE,)}
    first, second = study(1, **clock), study(2, **clock)
    elsewhere = replace(second, start_date=DAY + timedelta(1))
    for rule, two in (
        (duplicates.same_event_once, second),
        (duplicates.times_do_not_overlap, second),
        (duplicates.picture_of_one_day, elsewhere),
    ):
        pair = [first, two]
        assert [p.path for p in judge(rule, empty, pair)] == [two.path]
        assert [p.path for p in judge(rule, empty, pair, [two])] == [two.path]
        assert [p.path for p in judge(rule, empty, pair, [first])] == [first.path]
        assert judge(rule, empty, pair, []) == []


@pytest.mark.parametrize(
    ("theirs", "more", "overlap"),
    [
        (("16:29", "18:00"), {}, True),
        (("16:30", "18:00"), {}, False),
        (("08:00", "14:30"), {}, False),
        (("15:00", "15:10"), {}, True),
        ((None, None), {}, False),
        (("15:00", "16:00"), {"start_date": DAY + timedelta(1)}, False),
        (("15:00", "16:00"), {"end_date": DAY + timedelta(1)}, False),
        (("15:00", "16:00"), {"member": "m0003"}, False),
        (("16:00", "15:00"), {}, False),
    ],
)
def test_nobody_is_in_two_places_at_once(
    empty: RecordSet, theirs: tuple[str | None, str | None], more: dict[str, object], overlap: bool
) -> None:
    first = study(1, start_time="14:30", end_time="16:30")
    second = study(2, title="读书分享会", start_time=theirs[0], end_time=theirs[1], **more)
    found = judge(duplicates.times_do_not_overlap, empty, [first, second])
    assert [(p.path, p.severity) for p in found] == ([(second.path, Severity.WARNING)] if overlap else [])
    assert all(f"{theirs[0]}—{theirs[1]}" in p.message and "14:30—16:30" in p.message for p in found)


def test_one_picture_may_show_several_members_but_not_several_days(empty: RecordSet) -> None:
    first, other = study(1, evidence=(EVIDENCE,)), study(2, member="m0003", evidence=(EVIDENCE,))
    assert said(duplicates.picture_of_one_day, empty, first, other) == []
    again = study(
        3, member="m0005", start_date=DAY + timedelta(7), evidence=(replace(EVIDENCE, sha256="c" * 64),)
    )
    (problem,) = judge(duplicates.picture_of_one_day, empty, [first, other, again])
    assert (problem.path, problem.field) == (again.path, "evidence")
    assert f"照片 cccccccccccc… 也用在2026年3月2日的登记（{first.id}）" in problem.message
    course = replace(again, end_date=DAY + timedelta(9))
    third_day = study(4, start_date=DAY + timedelta(9), evidence=(EVIDENCE,))
    assert said(duplicates.picture_of_one_day, empty, course, third_day) == []


def test_two_files_with_one_id_are_told_once(empty: RecordSet) -> None:
    first = study(1, evidence=(EVIDENCE,))
    copy = replace(first, path=first.path.replace("jg1", "yjs"), branch="yjs", start_date=DAY - timedelta(9))
    assert len(judge(duplicates.ids_are_unique, empty, [first, copy])) == 2
    assert said(duplicates.picture_of_one_day, empty, first, copy) == []
    assert said(duplicates.same_event_once, empty, first, replace(copy, start_date=DAY)) == []


TITLES = ("党章专题学习", "党章专题学习（一）", "读书分享会", "保密知识讲座")


@st.composite
def few_records(draw: st.DrawFn) -> list[Study]:
    """A handful of records crowded into five days, two members and three pictures."""
    made = []
    for number in range(draw(st.integers(2, 7))):
        start = DAY + timedelta(draw(st.integers(0, 4)))
        clock = sorted(draw(st.lists(st.sampled_from(["08:00", "10:00", "12:00"]), min_size=2, max_size=2)))
        shown = draw(st.sets(st.sampled_from("abc"), max_size=2))
        made.append(
            study(
                number,
                member=draw(st.sampled_from(["m0012", "m0003"])),
                title=draw(st.sampled_from(TITLES)),
                start_date=start,
                end_date=draw(st.sampled_from([None, start, start + timedelta(2)])),
                start_time=clock[0],
                end_time=clock[1],
                void=draw(st.sampled_from([None, None, Void("m0003", AT, "错")])),
                evidence=tuple(replace(EVIDENCE, source_sha256=letter * 64) for letter in sorted(shown)),
            )
        )
    return made


def days(one: Study) -> set[date]:
    return set(one.days)


def at_once(one: Study, other: Study) -> bool:
    single = len(one.days) == len(other.days) == 1
    met = max(one.start_time or "", other.start_time or "") < min(one.end_time or "", other.end_time or "")
    return single and met and one.member == other.member and bool(days(one) & days(other))


def on_two_days(one: Study, other: Study) -> bool:
    shared = {e.source_sha256 for e in one.evidence} & {e.source_sha256 for e in other.evidence}
    return bool(shared) and not days(one) & days(other)


@settings(max_examples=150)
@given(few_records(), st.data())
def test_every_pair_alike_is_told_once_and_no_other(studies: list[Study], data: st.DataObject) -> None:
    judged = data.draw(st.lists(st.sampled_from(studies), unique_by=lambda s: s.id))
    nothing = RecordSet(None, None, {}, {})  # type: ignore[arg-type]
    for rule, alike in (
        (duplicates.same_event_once, duplicates.is_same_event),
        (duplicates.times_do_not_overlap, at_once),
        (duplicates.picture_of_one_day, on_two_days),
    ):
        told = set()
        for one, other in combinations(sorted(studies, key=lambda s: s.id), 2):
            if alike(one, other) and not one.void and not other.void:
                told |= {other.path} if other in judged else {one.path} if one in judged else set()
        shuffled = data.draw(st.permutations(studies))
        found = [p.path for p in judge(rule, nothing, shuffled, judged)]
        assert set(found) == told, rule_id(rule)


# --- pictures


def webp(**extra: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "WEBP", **extra)  # type: ignore[arg-type]
    return out.getvalue()


def exif() -> bytes:
    made = Image.Exif()
    made[0x9003] = "2026:03:05 14:30:12"
    return made.tobytes()


def chunk(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def claiming(width: int, height: int) -> bytes:
    """A picture that says it has more pixels than it brings."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(chunk(b"VP8X", bytes(4) + sides), KEPT.data[12:])


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CARRYING = {
    "exif": webp(exif=exif()),
    "xmp": webp(xmp=b"<x:xmpmeta/>"),
    "icc": webp(icc_profile=PROFILE),
    "trailing": KEPT.data + b"PK\x03\x04",
    "note": riff(KEPT.data[12:], chunk(b"note", b"hello")),
    "00010203": riff(KEPT.data[12:], chunk(b"\0\1\2\3", b"x")),
}


def moving() -> bytes:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


BROKEN = {
    "empty": (b"", "不是 WebP 图片"),
    "text": (b"hello", "不是 WebP 图片"),
    "png": (photo(form="PNG"), "不是 WebP 图片，而是 PNG"),
    "jpeg": (photo(), "不是 WebP 图片，而是 JPEG"),
    "truncated": (KEPT.data[:-100], "不完整，少了 100 字节"),
    "one byte short": (KEPT.data[:-1], "不完整，少了 1 字节"),
    "no chunk": (riff(), "里面没有图像"),
    "no picture first": (riff(chunk(b"EXIF", b"x"), KEPT.data[12:]), "里面没有图像"),
    "a chunk too long": (riff(b"VP8 \xff\xff\xff\xff"), "结构不完整"),
    "half a chunk's head": (riff(KEPT.data[12:], b"EX"), "结构不完整"),
    "bomb": (claiming(16384, 16384), "长宽写成了 16384×16384，太大"),
    "other size": (claiming(50, 50), "打不开"),
    "only a head": (riff(KEPT.data[12:30]), "结构不完整"),
    "empty picture": (riff(chunk(b"VP8 ", KEPT.data[20:30])), "打不开"),
    "moving": (moving(), "是动图"),
}


def test_our_own_pictures_are_found_to_be_what_they_are() -> None:
    for sent in (photo(), photo(2400, 1800), photo(form="PNG", orientation=6)):
        made = pictures.clean(sent)
        assert look_into(made.data) == Picture(made.sha256, len(made.data), "WEBP", made.width, made.height)
        small = look_into(pictures.thumbnail(made.data))
        assert (small.fault, small.metadata) == ("", ())
    for extra in ({"lossless": True}, {"quality": 5}):
        found = look_into(webp(**extra))
        assert (found.width, found.height, found.metadata, found.fault) == (40, 30, (), "")
    transparent = io.BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 90)).save(transparent, "WEBP")
    assert look_into(transparent.getvalue()).metadata == ()


@pytest.mark.parametrize("name", CARRYING)
def test_metadata_is_found(name: str) -> None:
    found = look_into(CARRYING[name])
    assert (found.metadata, found.fault) == ((name,), "")


def test_several_kinds_of_metadata_are_all_named() -> None:
    data = webp(exif=exif(), xmp=b"<x/>", icc_profile=PROFILE) + b"tail"
    assert set(look_into(data).metadata) == {"exif", "xmp", "icc", "trailing"}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_picture_is_told_without_being_decoded(name: str) -> None:
    data, words = BROKEN[name]
    found = look_into(data)
    assert words in found.fault and found.size == len(data)


@settings(max_examples=300)
@given(st.sampled_from([KEPT.data, *CARRYING.values(), moving(), webp(lossless=True)]), st.data())
def test_nothing_in_a_picture_makes_the_check_fail(whole: bytes, data: st.DataObject) -> None:
    hurt = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    places = st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=6)
    for at, byte in data.draw(places):
        hurt[at : at + 1] = bytes([byte])
    found = look_into(bytes(hurt) + data.draw(st.binary(max_size=20)))
    assert found.fault or found.width


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"VP8 ", b"VP8L", b"VP8X", b"EXIF", b"ANMF"]), st.binary(max_size=40))
    )
)
def test_nor_does_a_file_made_up_of_chunks(chunks: list[tuple[bytes, bytes]]) -> None:
    assert look_into(riff(*(chunk(*one) for one in chunks))).size


def keep(school: School, files: dict[str, bytes], year: int = 2026) -> None:
    tip = school.repo.resolve(f"refs/heads/evidence/{year}")
    sha = school.commit((tip,) if tip else (), dict(files), "Keep evidence\n", BRIDGE)
    school.repo.run("update-ref", f"refs/heads/evidence/{year}", sha)


def about(data: bytes, **changes: object) -> Evidence:
    found = look_into(data)
    made = Evidence(found.sha256, "b" * 64, found.size, found.width or 1, found.height or 1)
    return replace(made, **changes)  # type: ignore[arg-type]


def of_pictures(found: RecordSet, kept: Kept | None, *evidence: Evidence) -> list[tuple[str, Severity, str]]:
    one = study(1, evidence=evidence)
    rules = (
        picture_rules.evidence_exists,
        picture_rules.picture_is_what_it_says,
        picture_rules.picture_carries_no_metadata,
    )
    return [
        (rule_id(rule), p.severity, p.message)
        for rule in rules
        for p in judge(rule, found, [one], evidence=kept)
    ]


def test_a_clone_without_evidence_refs_says_nothing_of_pictures(school: School, empty: RecordSet) -> None:
    assert records.kept(school.repo) is None and records.inspect(school.repo, ["a" * 64]) == {}
    assert of_pictures(empty, None, EVIDENCE) == []


def test_a_sound_picture_passes_and_is_looked_into_only_when_asked(school: School, empty: RecordSet) -> None:
    keep(school, {evidence_path(KEPT.sha256): KEPT.data})
    kept = records.kept(school.repo)
    assert kept == Kept(frozenset({KEPT.sha256}))
    looked = records.kept(school.repo, [KEPT.sha256, "a" * 64])
    assert looked is not None and looked.pictures == {KEPT.sha256: look_into(KEPT.data)}
    assert of_pictures(empty, kept, EVIDENCE) == of_pictures(empty, looked, EVIDENCE) == []
    wrong = replace(EVIDENCE, width=1)
    assert of_pictures(empty, kept, wrong) == []
    assert [rule for rule, *_ in of_pictures(empty, looked, wrong)] == ["picture-is-what-it-says"]


def test_a_picture_that_is_not_kept_is_missed_unless_it_was_erased(school: School, empty: RecordSet) -> None:
    gone, lost = replace(EVIDENCE, sha256="a" * 64), replace(EVIDENCE, sha256="c" * 64)
    keep(
        school,
        {evidence_path(KEPT.sha256): KEPT.data, "erased.txt": b"# why\n" + b"a" * 64 + b" 2026-05-01\nodd\n"},
    )
    keep(school, {"erased.txt": b"d" * 64}, year=2025)
    kept = records.kept(school.repo)
    assert kept is not None and kept.erased == {"a" * 64, "d" * 64}
    found = of_pictures(empty, kept, EVIDENCE, gone, lost)
    assert [(rule, severity) for rule, severity, _ in found] == [
        ("evidence-exists", Severity.NOTE),
        ("evidence-exists", Severity.ERROR),
    ]
    assert "已按要求删除" in found[0][2] and "cccccccccccc…，请重新上传" in found[1][2]


def test_a_picture_in_a_wrong_folder_is_not_kept(school: School) -> None:
    keep(school, {f"00/{'a' * 64}.webp": KEPT.data, f"aa/{'a' * 64}.jpg": KEPT.data})
    assert records.kept(school.repo) == Kept(frozenset())


@pytest.mark.parametrize(
    ("data", "changes", "words"),
    [
        (KEPT.data, {"sha256": "a" * 64}, f"照片 aaaaaaaaaaaa… 的内容换过（现在的指纹是 {KEPT.sha256[:12]}…）"),
        (KEPT.data, {"width": 300, "height": 400}, "是 400×300 像素，记录写的是 300×400"),
        (KEPT.data, {"bytes": 7}, f"有 {len(KEPT.data)} 字节，记录写的是 7"),
        (photo(form="PNG"), {}, "不是 WebP 图片，而是 PNG"),
        (KEPT.data[:-7], {}, "不完整，少了 7 字节"),
        (riff(bytes(2 * 1024 * 1024)), {}, "有 2048 KB，太大"),
    ],
)  # fmt: skip
def test_a_picture_is_what_its_record_says(
    school: School, empty: RecordSet, data: bytes, changes: dict[str, object], words: str
) -> None:
    named = about(data, **changes)
    keep(school, {evidence_path(named.sha256): data})
    (found,) = of_pictures(empty, records.kept(school.repo, [named.sha256]), named)
    assert found[:2] == ("picture-is-what-it-says", Severity.ERROR)
    assert words in found[2] and found[2].endswith("请重新上传这张照片")


@pytest.mark.parametrize(
    ("name", "words"),
    [("exif", "夹带 EXIF（可能有拍摄时间和地点）"), ("trailing", "夹带 文件末尾多出的数据"), ("note", "夹带 数据块 note")],
)  # fmt: skip
def test_a_picture_tells_nothing_but_its_pixels(
    school: School, empty: RecordSet, name: str, words: str
) -> None:
    data = CARRYING[name]
    keep(school, {evidence_path(about(data).sha256): data})
    (found,) = of_pictures(empty, records.kept(school.repo, [about(data).sha256]), about(data))
    assert found[:2] == ("picture-carries-no-metadata", Severity.ERROR) and words in found[2]


class Counting(Repository):
    """Remembers how many bytes were asked for at once."""

    read: ClassVar[list[int]] = []

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        found = super().blobs(ids)
        self.read.append(sum(map(len, found.values())))
        return found


def test_many_pictures_are_read_part_by_part(school: School) -> None:
    large = [riff(chunk(b"EXIF", bytes([n]) + bytes(1024 * 1024 - 64))) for n in range(40)]
    whole = [KEPT.data, b"", *CARRYING.values(), *(data for data, _ in BROKEN.values()), *large]
    keep(school, {evidence_path(look_into(data).sha256): data for data in whole})
    expected = {look_into(data).sha256: look_into(data) for data in whole}
    assert records.inspect(Counting(school.repo.path), expected) == expected
    assert len(Counting.read) == 2 and max(Counting.read) <= 32 * 1024 * 1024


def test_the_command_looks_into_the_pictures_that_it_judges(school: School) -> None:
    telling = CARRYING["exif"]
    keep(school, {evidence_path(about(telling).sha256): telling, evidence_path(KEPT.sha256): KEPT.data})
    old = school.study(evidence=(about(telling),))
    school.merge(school.propose(old))
    fresh = school.study("m0005", title="读书分享会", evidence=(replace(EVIDENCE, width=7),))
    head = school.propose(fresh)

    def rules(*args: str) -> list[str]:
        out = CliRunner().invoke(main, ["check", "--repo", str(school.repo.path), *args]).output
        return [line.rpartition("[")[2].rstrip("]") for line in out.splitlines() if line.endswith("]")]

    assert rules("--rev", "main") == ["picture-carries-no-metadata"]
    assert rules("--rev", head, "--base", "main") == ["picture-is-what-it-says"]
