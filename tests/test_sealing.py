"""Keys, the file format and who may read what: against the vectors, against attack, and over made organisations."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import example, given
from hypothesis import strategies as st

from xueshi import project
from xueshi.errors import LinkRefused, UsageError, XueshiError
from xueshi.model import (
    MEMBER,
    OFFICER,
    Held,
    Keys,
    Membership,
    Organisation,
    Policy,
    Reader,
    RecordSet,
    Reviewer,
    Role,
    Roster,
    RosterEntry,
    Unit,
)
from xueshi.records import parse_file
from xueshi.sealing import (
    Keyring,
    PageId,
    SealRefused,
    access,
    blob_size,
    door_size,
    file_name,
    holders,
    key_text,
    link_fragment,
    officers_of,
    page_size,
    parsed_fragment,
    seal,
    unseal,
)
from xueshi.sealing.keys import (
    class_key,
    content_root,
    derive,
    frame,
    link_root,
    master_text,
    page_key,
    parsed_master,
    reader_key,
)

VECTORS: dict[str, str] = json.loads((Path(__file__).parent / "sealed-vectors.json").read_text())
MASTER = bytes.fromhex(VECTORS["master"])
LINKS, CONTENT = link_root(MASTER, "2026"), content_root(MASTER, "2026")
MEMBER_READER, OFFICER_READER = Reader(MEMBER, "m-7q2f"), Reader(OFFICER, "o-9x1c", 2)
KEY = bytes(range(32))
DAY, BEGAN = date(2026, 11, 26), date(2024, 1, 1)


def shipped() -> Policy:
    value = parse_file("records/policy.yaml", project.policy_file()).value
    assert isinstance(value, Policy)
    return value


POLICY = shipped()


def ring(keys: Keys | None = None) -> Keyring:
    return Keyring(LINKS, CONTENT, keys or Keys())


# --- vectors


def test_every_vector_is_met() -> None:
    page = ring().page("member", "m-7q2f", [OFFICER_READER, MEMBER_READER])
    sealed = seal(page, {"t": "page"}, "学时".encode(), padded=lambda length: -(-length // 64) * 64)
    found = {
        "master": MASTER.hex(),
        "link_root_2026": LINKS.hex(),
        "content_root_2026": CONTENT.hex(),
        "reader_member_m-7q2f_0": ring().door(MEMBER_READER).hex(),
        "fragment": ring().fragment(MEMBER_READER),
        "door_file": file_name(ring().door(MEMBER_READER)),
        "reader_officer_o-9x1c_2": ring().door(OFFICER_READER).hex(),
        "page_key_member_m-7q2f_acl(m,o)": page.hex(),
        "page_file": file_name(page),
        "sealed_page(meta={t:page},body=学时,pad=64)": sealed.hex(),
        "blob_key_scope_b1_data_abc": ring().blob("b1", b"abc").hex(),
        "frame(ab,c)": frame(b"ab", b"c").hex(),
    }
    assert found == VECTORS
    assert unseal(page, sealed).meta == {"t": "page"} and unseal(page, sealed).body == "学时".encode()


def test_what_differs_anywhere_has_another_key() -> None:
    readers = [
        Reader(kind, ident, generation)
        for kind in (MEMBER, OFFICER)
        for ident in ("m1", "m11", "1m")
        for generation in (0, 1, 11)
    ]
    keys = [ring().door(reader) for reader in readers]
    keys += [
        ring().page(kind, ident, [readers[0]]) for kind in ("member", "branch") for ident in ("m1", "m2")
    ]
    keys += [ring().page("member", "m1", listed) for listed in ([], readers[:2], readers[1:3], readers)]
    keys += [ring().blob(branch, data) for branch in ("jg1", "yjs") for data in (b"", b"a")]
    keys += [
        link_root(MASTER, "2027"),
        content_root(MASTER, "2027"),
        class_key(LINKS, MEMBER),
        class_key(LINKS, OFFICER),
    ]
    keys += [LINKS, CONTENT]
    assert len(set(keys)) == len(keys) and {len(key) for key in keys} == {32}


def test_an_access_list_is_a_set() -> None:
    one, two = Reader(MEMBER, "m1"), Reader(OFFICER, "m2", 3)
    assert page_key(CONTENT, "member", "m1", [one, two]) == page_key(
        CONTENT, "member", "m1", iter([two, one, two])
    )


HOSTILE = ["", "m:1", "m1:0", "党员", "m 1", "m1\n", "../m1", "m\x00", "-m", "m" * 65, "é", "１"]


@pytest.mark.parametrize("ident", HOSTILE)
def test_no_key_comes_from_a_hostile_id(ident: str) -> None:
    for make in (
        lambda: ring().door(Reader(MEMBER, ident)),
        lambda: ring().page("member", ident, []),
        lambda: ring().page(ident, "m1", []),
        lambda: ring().page("member", "m1", [Reader(MEMBER, ident)]),
        lambda: ring().blob(ident, b""),
        lambda: ring().door(Reader(ident, "m1")),
        lambda: link_root(MASTER, ident),
    ):
        with pytest.raises(UsageError):
            make()


# --- links


def test_a_link_is_read_back_whatever_a_messenger_adds() -> None:
    fragment = link_fragment(KEY)
    assert len(fragment) == 50
    for text in (
        fragment,
        f"https://k1.example.invalid/o/#{fragment}",
        f"#{fragment}&appinstall=0",
        f"k1{fragment}",
        f" {fragment}\n",
    ):
        assert parsed_fragment(text) == KEY


@given(st.binary(min_size=32, max_size=32), st.integers(0, 47), st.sampled_from("Aa0-_"))
def test_a_mistyped_link_is_damaged(key: bytes, at: int, letter: str) -> None:
    fragment = link_fragment(key)
    typed = fragment[: 2 + at] + letter + fragment[3 + at :]
    if typed == fragment:
        assert parsed_fragment(typed) == key
    else:
        with pytest.raises(LinkRefused) as refused:
            parsed_fragment(typed)
        assert refused.value.reason == "damaged"


def test_no_link_a_short_one_and_one_of_odd_letters_are_told_apart() -> None:
    fragment = link_fragment(KEY)
    for text, reason in (
        ("", "missing"),
        ("https://example.invalid/o/", "missing"),
        (fragment[:-1], "damaged"),
        (fragment[:20] + " " + fragment[20:], "damaged"),
        (fragment.replace(fragment[10], "é"), "damaged"),
    ):
        with pytest.raises(LinkRefused) as refused:
            parsed_fragment(text)
        assert refused.value.reason == reason, text


def test_a_master_key_on_paper_tells_a_slip() -> None:
    text = master_text(MASTER)
    assert [len(group) for group in text.split()] == [8] * 9
    assert parsed_master(text + "\n") == parsed_master(text.upper().replace(" ", "\n")) == MASTER
    for wrong in (
        "",
        text[:-1],
        text.replace("0a", "0b", 1),
        text + "0",
        "x" + text[1:],
        text.replace("0", "O"),
    ):
        with pytest.raises(UsageError) as refused:
            parsed_master(wrong)
        assert text[:8] not in str(refused.value)


def test_the_secrets_come_from_the_environment_and_are_never_shown() -> None:
    environ = {"XUESHI_LINK_ROOT": LINKS.hex(), "XUESHI_CONTENT_ROOT": f" {CONTENT.hex()}\n"}
    made = Keyring.from_environ(environ, Keys())
    assert made == ring() and LINKS.hex() not in repr(made) and repr(LINKS) not in repr(made)
    for wrong in (
        {},
        {"XUESHI_LINK_ROOT": "abc"},
        {"XUESHI_CONTENT_ROOT": ""},
        {"XUESHI_CONTENT_ROOT": LINKS.hex()},
    ):
        given_ = {**environ, **wrong} if wrong else {}
        with pytest.raises(UsageError) as refused:
            Keyring.from_environ(given_, Keys())
        assert "XUESHI_" in str(refused.value) and LINKS.hex() not in str(refused.value)


# --- the format


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers(-9, 9) | st.none(), max_size=4),
    st.binary(max_size=300),
    st.booleans(),
)
def test_what_was_sealed_is_opened(meta: dict[str, Any], body: bytes, deflate: bool) -> None:
    sealed = seal(KEY, meta, body, padded=door_size, deflate=deflate)
    assert sealed == seal(KEY, dict(reversed(meta.items())), body, padded=door_size, deflate=deflate)
    found = unseal(KEY, sealed)
    assert (found.meta, found.body) == (meta, body)
    assert len(sealed) == 2048 + 56


def test_any_flipped_byte_and_any_cut_is_refused() -> None:
    sealed = seal(KEY, {"t": "page"}, b"body", padded=lambda length: 64)
    for at in range(len(sealed)):
        with pytest.raises(SealRefused):
            unseal(KEY, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
        with pytest.raises(SealRefused):
            unseal(KEY, sealed[:at])
    with pytest.raises(SealRefused):
        unseal(KEY, sealed + b"\0")


def test_a_refusal_says_what_it_can_know() -> None:
    sealed = seal(KEY, {"t": "page"}, b"body", padded=page_size)
    other = seal(KEY[::-1], {"t": "page"}, b"body", padded=page_size)
    for data, reason in (
        (b"", "truncated"),
        (b"XS", "truncated"),
        (sealed[:60], "truncated"),
        (b"<!doctype html>" * 9, "foreign"),
        (sealed.replace(b"\x01", b"\x02", 1), "foreign"),
        (sealed[:-1], "refused"),
        (other, "refused"),
        (sealed[:40] + other[40:], "refused"),
    ):
        with pytest.raises(SealRefused) as refused:
            unseal(KEY, data)
        assert refused.value.reason == reason and str(refused.value)


def crafted(inner: bytes, salt: bytes | None = None) -> bytes:
    """A file whose cipher is right: only what stands inside, or the salt, is not."""
    head = b"XSS1\x01\0\0\0"
    salt = salt or hmac.digest(derive(KEY, b"mac"), head + inner, "sha256")
    return head + salt + AESGCM(derive(KEY, b"enc", salt=salt)).encrypt(bytes(12), inner, head + salt)


def inner(flags: int, meta: bytes, body: bytes = b"", more: bytes = b"", length: int | None = None) -> bytes:
    sizes = len(meta).to_bytes(4, "big") + (len(body) if length is None else length).to_bytes(4, "big")
    return bytes((flags, 0, 0, 0)) + sizes + meta + body + more


def test_the_salt_commits_to_the_key() -> None:
    sound = inner(0, b'{"t":"page"}', b"body", bytes(8))
    assert unseal(KEY, crafted(sound)).body == b"body"
    with pytest.raises(SealRefused):
        unseal(KEY, crafted(sound, bytes(32)))


@pytest.mark.parametrize(
    "wrong",
    [
        inner(0, b"[]"),
        inner(0, b"{"),
        inner(0, b"\xff"),
        inner(2, b"{}"),
        inner(1, b"{}", b"not deflated"),
        inner(0, b"{}", b"body", length=5),
        inner(0, b"{}", b"body", length=2**32 - 1),
        inner(0, b"{}", b"body", b"\0x"),
        b"\0\1" + inner(0, b"{}")[2:],
    ],
)
def test_what_no_sealer_of_ours_writes_is_refused_even_with_the_key(wrong: bytes) -> None:
    with pytest.raises(SealRefused) as refused:
        unseal(KEY, crafted(wrong))
    assert refused.value.reason == "refused"


def test_a_file_in_anothers_place_is_refused() -> None:
    """Each file is opened with the key that names it."""
    keys = [ring().door(Reader(MEMBER, f"m{number}")) for number in range(3)]
    files = {file_name(key): seal(key, {"t": "door"}, padded=door_size) for key in keys}
    names = list(files)
    swapped = {name: files[names[(number + 1) % 3]] for number, name in enumerate(names)}
    for key in keys:
        assert unseal(key, files[file_name(key)]).meta == {"t": "door"}
        with pytest.raises(SealRefused):
            unseal(key, swapped[file_name(key)])


def test_what_is_no_json_or_too_large_is_not_sealed() -> None:
    with pytest.raises(ValueError):
        seal(KEY, {"x": float("nan")}, padded=door_size)
    with pytest.raises(XueshiError, match="请分成几个"):
        seal(KEY, {}, bytes(64 * 2**20), padded=blob_size)


@given(st.integers(1, 2**27))
def test_only_allowed_sizes(length: int) -> None:
    doors = {2**n for n in range(11, 28)}
    pages = {2**n for n in range(15, 28)}
    blobs = {2**n * quarter // 4 for n in range(15, 28) for quarter in (4, 5, 6, 7)} | pages
    for padded, allowed in ((door_size, doors), (page_size, pages), (blob_size, blobs)):
        size = padded(length)
        assert size == min(one for one in allowed if one >= length)


# --- who may read what


def entry(
    ident: str, branch: str, *roles: Role, start: date = BEGAN, until: date | None = None
) -> RosterEntry:
    return RosterEntry(ident, f"样{ident}", (Membership(branch, start, until, "full"),), roles)


SECRETARY = Role("branch_secretary", BEGAN, None)
UNITS = (
    Unit("college", "committee", "党委"),
    Unit("arts", "general_branch", "党总支", "college"),
    Unit("jg1", "branch", "一支部", "arts"),
    Unit("yjs", "branch", "研支部", "college"),
)
REVIEWERS = (
    Reviewer("m3", "jg1", BEGAN, None),
    Reviewer("m5", "college", BEGAN, None),
    Reviewer("m6", "arts", BEGAN, None),
)


def organisation_of(*rosters: Roster, units: tuple[Unit, ...] = UNITS, **more: Any) -> RecordSet:
    reviewers = more.pop("reviewers", REVIEWERS)
    made = Organisation("党委", units, reviewers, ())
    return RecordSet(made, POLICY, {roster.branch: roster for roster in rosters}, {}, **more)


def school(**more: Any) -> RecordSet:
    jg1 = Roster("jg1", (entry("m1", "jg1"), entry("m2", "jg1", SECRETARY), entry("m3", "jg1")))
    yjs = Roster("yjs", (entry("m4", "yjs", SECRETARY), entry("m5", "yjs"), entry("m6", "yjs")))
    return organisation_of(jg1, yjs, **more)


def people(found: frozenset[Reader]) -> set[tuple[str, str]]:
    return {(reader.kind, reader.id) for reader in found}


def test_a_page_is_read_by_its_member_and_the_officers_above() -> None:
    lists = access(school(), DAY).lists
    jg1 = {(OFFICER, ident) for ident in ("m2", "m3", "m5", "m6")}
    assert people(lists[PageId("member", "m1")]) == {(MEMBER, "m1")} | jg1
    assert people(lists[PageId("member", "m2")]) == {(MEMBER, "m2")} | jg1
    assert people(lists[PageId("branch", "jg1")]) == jg1
    assert people(lists[PageId("branch", "yjs")]) == {(OFFICER, "m4"), (OFFICER, "m5")}
    assert people(lists[PageId("committee", "arts")]) == {(OFFICER, "m5"), (OFFICER, "m6")}
    assert people(lists[PageId("committee", "college")]) == {(OFFICER, "m5")}


def test_a_door_holds_the_uppermost_pages_alone() -> None:
    found = access(school(reviewers=(*REVIEWERS, Reviewer("m3", "yjs", BEGAN, None))), DAY)
    assert found.doors[Reader(MEMBER, "m3")] == (PageId("member", "m3"),)
    assert found.doors[Reader(OFFICER, "m3")] == (PageId("branch", "yjs"), PageId("branch", "jg1"))
    assert found.doors[Reader(OFFICER, "m5")] == (PageId("committee", "college"),)
    assert found.doors[Reader(OFFICER, "m6")] == (PageId("committee", "arts"),)


def test_office_and_membership_begin_and_end_on_their_days() -> None:
    end = DAY + timedelta(1)
    jg1 = Roster("jg1", (
        entry("m1", "jg1", until=end), entry("m2", "jg1", replace(SECRETARY, until=end)),
        entry("m7", "jg1", SECRETARY, until=end), entry("m8", "jg1", Role("deputy_secretary", BEGAN, None)),
    ))  # fmt: skip
    records = organisation_of(jg1, reviewers=(Reviewer("m9", "jg1", BEGAN, end),))
    assert officers_of(records, "jg1", DAY) == ("m2", "m7", "m9")
    assert officers_of(records, "jg1", end) == ()
    assert PageId("member", "m1") in access(records, DAY).lists
    assert PageId("member", "m1") not in access(records, end).lists
    assert Reader(MEMBER, "m7") not in access(records, end).doors
    assert holders(records, end) == {(MEMBER, "m2"), (MEMBER, "m8")}


def test_a_removed_link_is_in_no_list_and_has_no_door() -> None:
    keys = Keys(readers=(Held(MEMBER, "m1", 1, True), Held(OFFICER, "m2", 0, True), Held(MEMBER, "m2", 4)))
    found = access(school(keys=keys), DAY)
    assert not {
        reader for reader in found.doors if (reader.kind, reader.id) in {(MEMBER, "m1"), (OFFICER, "m2")}
    }
    assert people(found.lists[PageId("member", "m1")]) == {(OFFICER, ident) for ident in ("m3", "m5", "m6")}
    assert Reader(MEMBER, "m2", 4) in found.lists[PageId("member", "m2")]
    assert (MEMBER, "m1") in holders(school(keys=keys), DAY)


# Also what the check refuses: circles, a branch below a branch, twice the same id, a parent or branch that is not there.
IDS = st.sampled_from(["u1", "u2", "u3", "u4", "u5"])
MEMBERS = st.sampled_from(["m1", "m2", "m3", "m4", "m5", "m6"])
KINDS = st.sampled_from(["committee", "general_branch", "branch", "branch"])
UNTIL = st.sampled_from([None, None, date(2026, 6, 1), date(2027, 1, 1)])


@st.composite
def organisations(draw: st.DrawFn) -> RecordSet:
    units = draw(
        st.lists(st.builds(Unit, IDS, KINDS, st.just("单位"), st.none() | IDS), min_size=1, max_size=6)
    )
    reviewers = draw(st.lists(st.builds(Reviewer, MEMBERS, IDS, st.just(BEGAN), UNTIL), max_size=5))
    role = st.builds(Role, st.sampled_from(["branch_secretary", "staff"]), st.just(BEGAN), UNTIL)
    rosters = [
        Roster(branch, tuple(
            entry(ident, branch, *draw(st.lists(role, max_size=2)), until=draw(UNTIL))
            for ident in draw(st.lists(MEMBERS, max_size=4))
        ))
        for branch in draw(st.lists(IDS, max_size=4, unique=True))
    ]  # fmt: skip
    held = st.builds(Held, st.sampled_from([MEMBER, OFFICER]), MEMBERS, st.integers(0, 3), st.booleans())
    keys = Keys(readers=tuple(draw(st.lists(held, max_size=3))))
    return organisation_of(*rosters, units=tuple(units), reviewers=tuple(reviewers), keys=keys)


def in_a_circle() -> RecordSet:
    """Two units each below the other: the page that comes first is reached from the second."""
    units = (Unit("u1", "branch", "单位", "u2"), Unit("u2", "committee", "单位", "u1"))
    return organisation_of(units=units, reviewers=(Reviewer("m1", "u2", BEGAN, None),), keys=Keys())


@given(organisations())
@example(in_a_circle())
def test_reach_through_a_door_is_the_access_list(records: RecordSet) -> None:
    found = access(records, DAY)
    reached = {reader: found.reach(reader) for reader in found.doors}
    for page, listed in found.lists.items():
        assert {reader for reader, pages in reached.items() if page in pages} == set(listed), page
    assert all(pages <= found.lists.keys() for pages in reached.values())
    for reader, door in found.doors.items():
        assert not [page for page in door if page in _reach_without(found, door, page)], reader
    assert {(r.kind, r.id) for r in found.doors} <= holders(records, DAY)


def _reach_without(found: Any, door: tuple[PageId, ...], page: PageId) -> frozenset[PageId]:
    reader = Reader(MEMBER, "anybody")
    held: frozenset[PageId] = replace(found, doors={reader: tuple(p for p in door if p != page)}).reach(
        reader
    )
    return held


# --- a whole site


def built(records: RecordSet, keyring: Keyring | None = None, day: date = DAY) -> dict[str, bytes]:
    """Doors and pages as the site would hold them: name -> bytes."""
    held, found = keyring or ring(records.keys), access(records, day)
    keys = {page: held.page(page.kind, page.id, listed) for page, listed in found.lists.items()}
    files = {}
    for page, key in keys.items():
        inside = [key_text(keys[child]) for child in found.children.get(page, ())]
        files[file_name(key)] = seal(key, {"page": [page.kind, page.id], "keys": inside}, padded=page_size)
    for reader, pages in found.doors.items():
        inside = [key_text(keys[page]) for page in pages]
        files[file_name(held.door(reader))] = seal(held.door(reader), {"keys": inside}, padded=door_size)
    return files


def opened(files: dict[str, bytes], *keys: bytes) -> set[PageId]:
    """Every page that these keys lead to, as a browser follows them."""
    found, waiting, seen = set(), list(keys), set()
    while waiting:
        key = waiting.pop()
        if key in seen or file_name(key) not in files:
            continue
        seen.add(key)
        meta = unseal(key, files[file_name(key)]).meta
        found |= {PageId(*meta["page"])} if "page" in meta else set()
        waiting += [base64.urlsafe_b64decode(text + "=") for text in meta["keys"]]
    return found


def learnt(files: dict[str, bytes], *keys: bytes) -> set[bytes]:
    """Every key that somebody with these could have written down."""
    known, waiting = set(keys), list(keys)
    while waiting:
        key = waiting.pop()
        if file_name(key) in files:
            inside = {
                base64.urlsafe_b64decode(t + "=") for t in unseal(key, files[file_name(key)]).meta["keys"]
            }
            waiting += inside - known
            known |= inside
    return known


@given(organisations())
def test_a_link_opens_what_its_reader_may_read_and_nothing_else(records: RecordSet) -> None:
    found, files, keyring = access(records, DAY), built(records), ring(records.keys)
    for reader in found.doors:
        allowed = {page for page, listed in found.lists.items() if reader in listed}
        assert opened(files, parsed_fragment(keyring.fragment(reader))) == allowed
    assert {len(data) for data in files.values()} <= {2048 + 56, 32768 + 56}


def test_two_builds_are_equal_and_names_say_nothing() -> None:
    files = built(school())
    assert files == built(school())
    assert len(files) == 6 + 4 + 6 + 5  # pages of members and units, doors of members and officers
    for name, data in files.items():
        assert len(name) == 2 + 3 + 30 + 4 and b"m1" not in name.encode()
        assert b'"page"' not in data and "样".encode() not in data


def keys_of(records: RecordSet, reader: Reader) -> set[bytes]:
    return learnt(built(records), ring(records.keys).door(reader))


def test_a_lost_link_opens_nothing_once_it_is_replaced() -> None:
    before = school()
    after = school(keys=Keys(readers=(Held(MEMBER, "m1", 1),)))
    old = keys_of(before, Reader(MEMBER, "m1"))
    assert opened(built(before), *old) == {PageId("member", "m1")}
    assert opened(built(after), *old) == set()
    assert opened(built(after), ring().door(Reader(MEMBER, "m1", 1))) == {PageId("member", "m1")}
    # Nobody else's link changes.
    for reader in access(before, DAY).doors.keys() & access(after, DAY).doors.keys():
        assert opened(built(after), ring().door(reader)) == opened(built(before), ring().door(reader))


def test_an_officer_who_left_opens_nothing_that_is_current() -> None:
    before = school()
    after = school(reviewers=tuple(r for r in REVIEWERS if r.member != "m3"))
    old = keys_of(before, Reader(OFFICER, "m3"))
    assert len(opened(built(before), *old)) == 4
    assert opened(built(after), *old) == set()
    member = ring().door(Reader(MEMBER, "m3"))
    assert opened(built(after), member) == {PageId("member", "m3")}  # still a member


def test_a_member_who_left_has_no_page_and_no_door() -> None:
    before = school()
    jg1 = before.rosters["jg1"]
    gone = replace(jg1, members=(entry("m1", "jg1", until=DAY), *jg1.members[1:]))
    after = replace(before, rosters={**before.rosters, "jg1": gone}, known={})
    assert opened(built(after), *keys_of(before, Reader(MEMBER, "m1"))) == set()
    assert PageId("member", "m1") not in opened(built(after), ring().door(Reader(OFFICER, "m5")))


def test_a_member_who_moved_keeps_the_link_and_the_old_branch_loses_the_page() -> None:
    before = school()
    jg1, yjs = before.rosters["jg1"], before.rosters["yjs"]
    left = replace(jg1, members=(entry("m1", "jg1", until=DAY), *jg1.members[1:]))
    came = replace(yjs, members=(*yjs.members, entry("m1", "yjs", start=DAY)))
    after = replace(before, rosters={"jg1": left, "yjs": came}, known={})
    page = PageId("member", "m1")
    assert opened(built(after), ring().door(Reader(MEMBER, "m1"))) == {page}
    assert page not in opened(built(after), *keys_of(before, Reader(OFFICER, "m3")))
    assert page in opened(built(after), ring().door(Reader(OFFICER, "m4")))


def test_a_new_year_reseals_everything_and_keeps_links() -> None:
    records = school()
    following = Keyring(LINKS, content_root(MASTER, "2027"), records.keys)
    before, after = built(records), built(records, following)
    doors = {file_name(ring().door(reader)) for reader in access(records, DAY).doors}
    assert before.keys() & after.keys() == doors and all(before[name] != after[name] for name in doors)
    written_down = keys_of(records, Reader(OFFICER, "m5")) - {ring().door(Reader(OFFICER, "m5"))}
    assert opened(after, *written_down) == set()
    assert len(opened(after, ring().door(Reader(OFFICER, "m5")))) == 10


def test_the_class_key_of_members_makes_no_officers_link() -> None:
    assert reader_key(LINKS, Reader(OFFICER, "m1")) != reader_key(LINKS, Reader(MEMBER, "m1"))
    with pytest.raises(UsageError):
        class_key(LINKS, "admin")
