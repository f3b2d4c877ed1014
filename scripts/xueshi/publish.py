"""The site, built aside from one revision and swapped in, so that no reader ever meets a missing page."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import yaml

from xueshi import project
from xueshi.builder import Builder
from xueshi.errors import UsageError, XueshiError
from xueshi.git import END, Repository
from xueshi.links import secret
from xueshi.model import Keys, RecordSet, Severity
from xueshi.records import kind_of
from xueshi.sealing import Keyring, fingerprints
from xueshi.sealing.keys import CONTENT_VARIABLE, LINK_VARIABLE, content_root, link_root

EDITIONS = ("sealed", "open")
_PACKAGE, _OURS = Path(__file__).parent, (".py", ".po", ".typ")
_EDITION, _BRIDGE, _LANGUAGE = "XUESHI_EDITION", "XUESHI_BRIDGE_URL", "XUESHI_LANGUAGE"
_ROOTS = (LINK_VARIABLE, CONTENT_VARIABLE)


def site_secret(folder: Path) -> bytes:
    """What the addresses of reports are made from: XUESHI_SITE_SECRET (hex), else a file in `folder` that git ignores.

    Raises UsageError for a secret that is no hex of 16 bytes or more."""
    told = os.environ.get("XUESHI_SITE_SECRET")
    if told is None:
        return secret(folder / ".xueshi" / "site-key")
    with contextlib.suppress(ValueError):
        if len(found := bytes.fromhex(told)) >= 16:
            return found
    raise UsageError(
        "XUESHI_SITE_SECRET is not 32 or more hexadecimal digits; make one with: openssl rand -hex 32"
    )


def edition_told(environ: Mapping[str, str], otherwise: str) -> str:
    """What XUESHI_EDITION says, or `otherwise`. Raises UsageError for what is no edition."""
    told = environ.get(_EDITION, "").strip() or otherwise
    if told not in EDITIONS:
        raise UsageError(f"{_EDITION} is {told!r}; it may be one of {', '.join(EDITIONS)}")
    return told


def bridge_told(environ: Mapping[str, str], otherwise: str) -> str:
    """Where the bridge is, without a slash at the end: what XUESHI_BRIDGE_URL says, or `otherwise`; empty where there is
    none. Raises UsageError for what is no address of the web."""
    told = (environ.get(_BRIDGE, "").strip() or otherwise).rstrip("/")
    if told and not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~%-]*)?", told):
        raise UsageError(f"{_BRIDGE} is {told!r}; write it as https://study.example.cn, where the form is")
    return told


class _Lenient(yaml.SafeLoader):
    """Reads past tags that only MkDocs knows."""


_Lenient.add_multi_constructor(None, lambda loader, tag, node: None)


def edition_of(repo: Repository, commit: str) -> str:
    """The edition that a build of `commit` makes: what the environment says, else its mkdocs.yml."""
    blob = repo.tree(commit, "mkdocs.yml").get("mkdocs.yml")
    text = repo.blobs([blob])[blob] if blob else project.files()["mkdocs.yml"]
    try:
        plugins = yaml.load(text, _Lenient)["plugins"]
        ours = [one["xueshi"]["edition"] for one in plugins if "xueshi" in one and "edition" in one["xueshi"]]
    except (yaml.YAMLError, TypeError, KeyError):  # MkDocs says what is wrong with it
        ours = []
    return edition_told(os.environ, ours[0] if ours and ours[0] in EDITIONS else EDITIONS[0])


def keyring(environ: Mapping[str, str], secret: bytes, keys: Keys, on: date) -> Keyring:
    """The roots of the sealed edition: as the environment gives them, so that CI need not hold the master; where it
    names none, and keys.yaml none, they are made from the site's own secret. A variable without a value is a secret that
    CI lacks: it is told, since a site of other roots opens for nobody. Raises UsageError for roots that are missing,
    misshapen, or not those that keys.yaml knows."""
    if LINK_VARIABLE in environ or CONTENT_VARIABLE in environ:
        found = Keyring.from_environ(environ, keys)
        fingerprints.refuse_other_roots(keys, on, found.link_root, found.content_root)
        return found
    if wanted := fingerprints.known(keys, on):
        raise fingerprints.missing_roots(wanted)
    master = hmac.digest(secret, b"xueshi/site master/1", "sha256")
    return Keyring(link_root(master, keys.link), content_root(master, keys.content_epoch(on)), keys)


def in_force(records: RecordSet) -> None:
    """Raises XueshiError where no version of a file that every figure rests on is in force: reports would tell zeros as
    figures. A fault in any other file is told where it stands."""
    missing = [one for one in records.problems if kind_of(one.path) in ("organisation", "policy")]
    told = "\n".join(str(one) for one in missing if one.severity is Severity.ERROR)
    if told:
        raise XueshiError(
            "组织或规则还没有能用的版本，报告没有重新生成，网站保持原样；请运行 xueshi check，照它说的改好 / not built, the site before "
            f"stays: no version of these files is in force; xueshi check says what to mend\n{told}"
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a build depends on. `refs` maps what waits and what is kept (sub/*, evidence/*) to ids; `secret` makes
    the addresses, and the keys where `roots` (variable → value) is empty; `edition` is one of EDITIONS; `bridge` is where reports send
    those who register, and `language` what the site speaks, else mkdocs.yml says it."""

    commit: str
    refs: Mapping[str, str]
    on: date
    secret: bytes
    edition: str
    roots: Mapping[str, str]
    bridge: str
    language: str = ""

    def manifest(self) -> dict[str, object]:
        """The inputs as plain values: secrets as a digest, and refs too, since a proposal's names a record."""
        refs = json.dumps(dict(sorted(self.refs.items())))
        secrets = self.secret + "\0".join(self.roots.get(name, "") for name in _ROOTS).encode()
        return {
            "commit": self.commit,
            "refs": hashlib.sha256(refs.encode()).hexdigest(),
            "date": self.on.isoformat(),
            "edition": self.edition,
            "bridge": self.bridge,
            "program": _program(),
            "language": self.language,
            "secret": hashlib.sha256(b"xueshi manifest" + secrets).hexdigest()[:16],
        }

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.manifest(), sort_keys=True).encode()).hexdigest()[:20]


@cache
def _program() -> str:
    """A digest of the program's own files: after an update the site is made anew, whatever the records say."""
    files = {
        f"package/{path.relative_to(_PACKAGE)}": path for path in _PACKAGE.rglob("*") if path.suffix in _OURS
    }
    data = {**{name: path.read_bytes() for name, path in files.items()}, **project.files()}
    found = hashlib.sha256()
    for name in sorted(data):
        found.update(f"{name}\0{len(data[name])}\0".encode() + data[name])
    return found.hexdigest()[:16]


def inputs(
    repo: Repository, rev: str, *, on: date, secret: bytes, edition: str = "", bridge: str = ""
) -> Inputs:
    """What a build of `rev` would depend on now; `edition` and `bridge` go before what the environment and its
    mkdocs.yml say. Raises UsageError for an unknown revision."""
    commit = repo.resolve(rev)
    if commit is None:
        raise UsageError(f"no revision {rev!r} in {repo.path}")
    refs: dict[str, str] = {}
    for prefix in (
        "refs/heads/sub",
        "refs/heads/evidence",
        "refs/remotes/origin/sub",
        "refs/remotes/origin/evidence",
    ):
        refs.update(repo.refs(prefix))
    roots = {name: os.environ[name] for name in _ROOTS if name in os.environ}
    return Inputs(
        commit,
        refs,
        on,
        secret,
        edition or edition_of(repo, commit),
        roots,
        bridge or bridge_told(os.environ, ""),
        os.environ.get(_LANGUAGE, "").strip(),
    )


def build(repo: Repository, wanted: Inputs, into: Path, builder: Builder | None = None) -> bool:
    """Make the site and let `into` (a link) point at it; False when it already shows these inputs. Whoever builds often
    keeps a `builder`.

    The build before stays beside it, for readers in the middle of a page. Raises XueshiError with MkDocs' own words;
    then the old site stays."""
    builds = into.with_name(into.name + ".builds")
    builds.mkdir(parents=True, exist_ok=True)
    with _only_one(builds / "lock"):
        made = builds / wanted.digest()
        if not (made / "manifest.json").is_file():
            for left in builds.glob("tmp-*"):  # of a build that was interrupted
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix="tmp-", dir=builds) as folder:
                _make(repo, wanted, Path(folder), builder)
                shutil.rmtree(made, ignore_errors=True)
                (Path(folder) / "out").replace(made)
        elif into.is_symlink() and into.resolve() == made.resolve():
            return False
        before = into.resolve() if into.is_symlink() else None
        _swap(into, made)
        for old in builds.iterdir():
            if old.is_dir() and old not in (made, before):
                shutil.rmtree(old)
        return True


def _make(repo: Repository, wanted: Inputs, folder: Path, builder: Builder | None) -> None:
    _lay_out(repo, wanted.commit, folder / "in")
    epoch = repo.run("show", "--no-patch", "--format=%ct", END, wanted.commit).decode().strip()
    told = {
        "XUESHI_REPOSITORY": str(repo.path.resolve()),
        "XUESHI_REVISION": wanted.commit,
        "XUESHI_DATE": wanted.on.isoformat(),
        "XUESHI_SITE_SECRET": wanted.secret.hex(),
        _EDITION: wanted.edition,
        _BRIDGE: wanted.bridge,
        _LANGUAGE: wanted.language,
        **wanted.roots,
        "SOURCE_DATE_EPOCH": epoch,
    }
    with contextlib.ExitStack() as stack:
        if builder is None:
            builder = stack.enter_context(contextlib.closing(Builder()))
        try:
            builder.make(folder / "in" / "mkdocs.yml", folder / "out", told)
        except XueshiError as error:
            raise XueshiError(f"the site could not be built from {wanted.commit[:7]}: {error}") from None
    manifest = json.dumps(wanted.manifest(), ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "out" / "manifest.json").write_text(manifest + "\n", encoding="utf-8")


def _lay_out(repo: Repository, commit: str, folder: Path) -> None:
    """mkdocs.yml and site/ as the revision has them, or as the package brings them."""
    blobs = repo.tree(commit, "mkdocs.yml", "site")
    if "mkdocs.yml" in blobs:
        contents = repo.blobs(blobs.values())
        files = {path: contents[blob] for path, blob in blobs.items()}
    else:
        files = {
            path: data
            for path, data in project.files().items()
            if path.split("/")[0] in ("mkdocs.yml", "site")
        }
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _swap(into: Path, made: Path) -> None:
    if into.is_dir() and not into.is_symlink():
        shutil.rmtree(into)  # left by a plain `mkdocs build`; only this once there is a moment without a site
    aside = into.with_name(f"{into.name}.{os.getpid()}.link")
    aside.unlink(missing_ok=True)
    aside.symlink_to(os.path.relpath(made, into.parent))
    aside.replace(into)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
