"""What the commands of keys share about the master key: its file, the two roots below it, and how they are told.

The master key and the sheets are secret: they are written for their owner alone, and never into a repository."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from xueshi.errors import UsageError
from xueshi.model import CONTENT, LINK, Keys, Root
from xueshi.sealing import keys as derivation
from xueshi.sealing.fingerprints import fingerprint

_NAMES = {LINK: "链接", CONTENT: "内容"}
_LARGEST = 10_000  # bytes of a file that may hold a master key


@dataclass(frozen=True, slots=True)
class Roots:
    """The two roots that a master key has for two epochs."""

    master: bytes
    link: str
    content: str

    def values(self) -> tuple[bytes, bytes]:
        """The root of links and that of contents."""
        return derivation.link_root(self.master, self.link), derivation.content_root(
            self.master, self.content
        )

    def noted(self) -> tuple[Root, Root]:
        """What keys.yaml holds of them."""
        links, content = self.values()
        return Root(LINK, self.link, fingerprint(links)), Root(CONTENT, self.content, fingerprint(content))

    def tell(self) -> None:
        """Print the lines for CI, and on stderr what they are of."""
        links, content = self.values()
        click.echo(f"{derivation.LINK_VARIABLE}={links.hex()}")
        click.echo(f"{derivation.CONTENT_VARIABLE}={content.hex()}")
        prints = " ".join(root.fingerprint for root in self.noted())
        click.echo(f"链接期次 {self.link}，内容期次 {self.content}；指纹 {prints}", err=True)

    def refuse_other(self, keys: Keys, path: Path) -> None:
        """Raises UsageError where keys.yaml names other roots for these epochs: then it is another master key."""
        for root in self.noted():
            wanted = keys.fingerprint(root.kind, root.epoch)
            if wanted not in (None, root.fingerprint):
                raise UsageError(
                    f"{path} 不是这里用的主密钥：{_NAMES[root.kind]}期次 {root.epoch} 的指纹应为 {wanted}，由它取出的是 {root.fingerprint}；"
                    "请换用封存的那一份"
                )


def read_master(path: Path) -> bytes:
    """The master key in a file; a word on stderr where others can read it. Raises UsageError, which quotes nothing."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("ascii")
        open_to_others = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} 读不出主密钥（{_why(error)}）") from None
    if open_to_others:
        click.echo(f"提醒：{path} 别的用户也读得到，请运行 chmod 600 {path}", err=True)
    try:
        return derivation.parsed_master(text)
    except UsageError as error:
        raise UsageError(f"{path}：{error}") from None


def write_secret(path: Path, text: str) -> None:
    """A new file that its owner alone can read. UsageError for one that is there, or inside a repository."""
    refuse_place(path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} 已经存在，没有改动；请换一个文件名") from None
    except OSError as error:
        raise UsageError(f"{path} 写不了（{_why(error)}）") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)  # half a key is none
        raise UsageError(f"{path} 写不了（{_why(error)}）") from None


def refuse_place(path: Path) -> None:
    """Raises UsageError for a place inside a repository."""
    folder = path.parent.resolve()
    inside = next((place for place in (folder, *folder.parents) if _is_repository(place)), None)
    if inside is not None:
        raise UsageError(f"{path} 在仓库 {inside} 里，会被提交或发布；请写到仓库外面的地方")


def _is_repository(place: Path) -> bool:
    return (place / ".git").exists() or ((place / "HEAD").is_file() and (place / "objects").is_dir())


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "不是文字"
