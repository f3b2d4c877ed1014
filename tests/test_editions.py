"""The sealed site, whole: nothing personal in clear, every reader reaches their own pages and no others, same bytes."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import BRIDGE, School, committee_files

from xueshi import exports, publish, records, sample, sources
from xueshi.builder import Builder
from xueshi.errors import XueshiError
from xueshi.exports import Scope
from xueshi.git import Repository, init_bare
from xueshi.model import MEMBER, OFFICER, Reader, RecordSet
from xueshi.sealing import Keyring, PageId, SealRefused, access, file_name, unseal

ON = date(2026, 11, 24)
SECRET = bytes(range(32))


@dataclass(frozen=True)
class SealedSite:
    repo: Repository
    folder: Path
    made: sample.Sample
    records: RecordSet
    keys: Keyring

    def sealed(self, key: bytes) -> tuple[dict[str, Any], str]:
        found = unseal(key, (self.folder / file_name(key)).read_bytes())
        return found.meta, found.body.decode()

    def reached(self, reader: Reader) -> dict[str, str]:
        """Title → fragment of every page that a reader's link leads to, followed as the loader does."""
        door, _ = self.sealed(self.keys.door(reader))
        waiting, found, seen = [page["key"] for page in door["pages"]], {}, set()
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                meta, body = self.sealed(key_of(key))
                found[meta["title"]] = body
                waiting += [held["key"] for held in meta["keys"].values() if held["t"] == "page"]
        return found


def key_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def build(repo: Repository, into: Path, builder: Builder | None = None, secret: bytes = SECRET) -> Path:
    wanted = publish.inputs(repo, "refs/heads/main", on=ON, secret=secret, edition="sealed")
    publish.build(repo, wanted, into, builder)
    return into.resolve()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, builder: Builder) -> SealedSite:
    folder = tmp_path_factory.mktemp("sealed")
    made = sample.write(folder / "school.git", members=42, records=110, seed=42, until=ON)
    approved, _ = records.load_approved(made.repo, "refs/heads/main")
    keys = publish.keyring({}, SECRET, approved.keys, ON)
    return SealedSite(made.repo, build(made.repo, folder / "site", builder), made, approved, keys)


def secrets_of(site: SealedSite) -> Iterator[tuple[str, bytes]]:
    """Everything personal that the repository holds, in the ways it could leak."""
    texts: set[str] = set()
    for person in site.records.people().values():
        texts |= {person.id, person.name}
    for proposal in records.load_proposals(site.repo, site.repo.resolve("refs/heads/main") or ""):
        for study in proposal.studies:
            texts |= {study.id, study.title, study.content or ""}
    for study in site.records.studies.values():
        texts |= {study.id, study.title, study.content or "", study.place or ""}
        texts |= {evidence.sha256 for evidence in study.evidence}
    for text in sorted(texts):
        if len(text) >= 2:
            yield text, text.encode()
            yield f"{text} in UTF-16", text.encode("utf-16-le")
            yield f"{text} in JSON", json.dumps(text)[1:-1].encode()
            if len(text.encode()) >= 6:
                yield f"{text} in base64", base64.b64encode(text.encode()).rstrip(b"=")[:-1]
                yield f"{text} in hex", text.encode().hex().encode()
    blobs = site.repo.blobs(records.evidence_blobs(site.repo).values())
    for blob, data in blobs.items():
        yield f"picture {blob}", data[64:128]


def test_no_byte_of_the_site_tells_who_or_what(site: SealedSite, tmp_path: Path, builder: Builder) -> None:
    files = {path: path.read_bytes() for path in sorted(site.folder.rglob("*")) if path.is_file()}
    opened = {path: data for path, data in files.items() if "/assets/" not in str(path)}
    assert len(opened) > 60, "nothing was looked at"
    wanted = list(secrets_of(site))
    assert len(wanted) > 600, "nothing was looked for"
    everything = _joined(opened)
    found = [(what, data) for what, data in wanted if data in everything and not _common(site, what)]
    if found:
        # Four bytes (a name of two characters in UTF-16) stand somewhere in ten million of a cipher now and then. What
        # the site tells, it tells whatever it is sealed with; what chance writes is not there a second time.
        other = build(site.repo, tmp_path / "site", builder, secret=SECRET[::-1])
        again = _joined({path: path.read_bytes() for path in other.rglob("*") if path.is_file()})
        found = [(what, data) for what, data in found if data in again]
    assert [what for what, _ in found] == []
    names = "\n".join(str(path.relative_to(site.folder)) for path in files)
    assert [what for what, _ in wanted if what in names] == []


def _joined(files: dict[Path, bytes]) -> bytes:
    return b"\0".join(data for path, data in files.items() if "/assets/" not in str(path))


def _common(site: SealedSite, what: str) -> bool:
    """Words of the rules and the handbook that a record happens to use too, such as a kind's name as its title."""
    told = "".join(path.read_text() for path in (Path(__file__).parents[1] / "site" / "pages").rglob("*.md"))
    told += "".join(kind.label for kind in site.records.policy.kinds.values())
    return what.split(" in ")[0] in told


def test_every_reader_reaches_their_pages_and_no_others(site: SealedSite) -> None:
    who_reads = access(site.records, ON)
    people = site.records.people()
    names = {PageId("member", ident): person.name for ident, person in people.items()}
    names |= {
        PageId("branch" if unit.kind == "branch" else "committee", unit.id): unit.name
        for unit in site.records.organisation.units
    }
    counted = 0
    for reader in who_reads.doors:
        reached = site.reached(reader)
        for page in who_reads.reach(reader):
            assert names[page] in reached, (reader, page)
            counted += 1
        hidden = {names[page] for page in names} - {names[page] for page in who_reads.reach(reader)}
        assert not hidden & set(reached), reader
    assert counted > 80


def test_a_members_page_shows_its_pictures_and_says_what_the_open_one_says(site: SealedSite) -> None:
    person = site.records.people()[site.made.member]
    reader = site.keys.reader(MEMBER, person.id)
    assert reader is not None
    door, _ = site.sealed(site.keys.door(reader))
    meta, body = site.sealed(key_of(door["pages"][0]["key"]))
    assert person.name in body and "data-counted" in body and 'href="../../' not in body
    shown = [held for held in meta["keys"].values() if held["t"] == "blob"]
    own = {e.sha256 for s in site.records.studies.values() if s.member == person.id for e in s.evidence}
    assert len(shown) >= len(own & set(records.evidence_blobs(site.repo))) > 0
    for held in shown:
        picture = unseal(key_of(held["key"]), (site.folder / file_name(key_of(held["key"]))).read_bytes())
        assert picture.body[:4] == b"RIFF" and picture.meta["type"] == "image/webp"


def test_a_reader_saves_what_their_report_offers(site: SealedSite) -> None:
    source = sources.read(site.repo, site.repo.resolve("refs/heads/main") or "", ON)
    reader = site.keys.reader(MEMBER, site.made.member)
    assert reader is not None
    door, _ = site.sealed(site.keys.door(reader))
    meta, body = site.sealed(key_of(door["pages"][0]["key"]))
    made = exports.export(source, Scope("member", site.made.member), exports.year(ON.year))
    wanted = {"xlsx": exports.workbook(made), "csv": exports.lines(made)}
    files = {t: held for t, held in meta["keys"].items() if held["t"] == "file"}
    assert {held["name"] for held in files.values()} >= {exports.file_name(made, form) for form in wanted}
    for token, held in files.items():
        assert f'data-file="{token}" download="{held["name"]}"' in body
        found = unseal(key_of(held["key"]), (site.folder / file_name(key_of(held["key"]))).read_bytes())
        assert (found.meta["name"], found.meta["type"]) == (held["name"], held["type"])
        form = held["name"].rpartition(".")[2]
        assert form not in wanted or found.body == wanted[form]


def test_files_of_the_same_bytes_keep_their_own_names(site: SealedSite) -> None:
    found: dict[str, set[str]] = {}
    for reader in access(site.records, ON).doors:
        door, _ = site.sealed(site.keys.door(reader))
        waiting, seen = [page["key"] for page in door["pages"]], set()
        while waiting:
            if (key := waiting.pop()) in seen:
                continue
            seen.add(key)
            held = site.sealed(key_of(key))[0]["keys"].values()
            waiting += [one["key"] for one in held if one["t"] == "page"]
            for one in (one for one in held if one["t"] == "file"):
                found.setdefault(one["key"], set()).add(one["name"])
                data = (site.folder / file_name(key_of(one["key"]))).read_bytes()
                assert unseal(key_of(one["key"]), data).meta["name"] == one["name"]
    assert len(found) > 100 and all(len(names) == 1 for names in found.values())


def test_another_key_opens_nothing(site: SealedSite) -> None:
    reader = site.keys.reader(MEMBER, site.made.member)
    other = next(r for r in access(site.records, ON).doors if r.kind == OFFICER)
    assert reader is not None
    data = (site.folder / file_name(site.keys.door(reader))).read_bytes()
    with pytest.raises(SealRefused):
        unseal(site.keys.door(other), data)


def test_the_same_inputs_give_the_same_bytes_and_other_roots_other_names(
    site: SealedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: Builder
) -> None:
    again = build(site.repo, tmp_path / "again")  # by another process
    first = {p.relative_to(site.folder): p.read_bytes() for p in site.folder.rglob("*") if p.is_file()}
    second = {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()}
    assert first == second
    monkeypatch.setenv("XUESHI_LINK_ROOT", "11" * 32)
    monkeypatch.setenv("XUESHI_CONTENT_ROOT", "22" * 32)
    other = build(site.repo, tmp_path / "other", builder)
    sealed = {path.relative_to(site.folder / "s") for path in (site.folder / "s").rglob("*.bin")}
    assert sealed and not sealed & {path.relative_to(other / "s") for path in (other / "s").rglob("*.bin")}


def test_roots_that_are_wrong_are_told_without_showing_them(
    site: SealedSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: Builder
) -> None:
    monkeypatch.setenv("XUESHI_LINK_ROOT", "ab" * 31)
    monkeypatch.setenv("XUESHI_CONTENT_ROOT", "22" * 32)
    with pytest.raises(Exception, match="XUESHI_LINK_ROOT") as told:
        build(site.repo, tmp_path / "site", builder)
    assert "ab" * 31 not in str(told.value)
    shutil.rmtree(tmp_path / "site.builds", ignore_errors=True)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("records/policy.yaml", b"label: ", b"label: " + "长".encode() * 40),
        ("records/organisation.yaml", b"name: ", b"name: " + "长".encode() * 70),
    ],
)
def test_no_site_is_made_where_a_file_cannot_be_read_that_every_figure_rests_on(
    tmp_path: Path, builder: Builder, path: str, old: bytes, new: bytes
) -> None:
    """It told zeros as figures. Later faults of these files do not come so far: the version before stays in force."""
    school, files = School(init_bare(tmp_path / "school.git")), committee_files()
    files[path] = (files[path] or b"").replace(old, new, 1)
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    with pytest.raises(XueshiError, match=re.escape(path)) as told:
        build(school.repo, tmp_path / "site", builder)
    assert "网站保持原样" in str(told.value) and "the site before stays" in str(told.value)
    assert "xueshi check" in str(told.value)
    assert not (tmp_path / "site").exists()
