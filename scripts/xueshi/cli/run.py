"""Commands that run an installation: serve, demo."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from xueshi import demo, observe, settings
from xueshi.cli.common import today, told
from xueshi.service import Service, embedded

_dir = click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("build/demo"), show_default=True,
    help="The installation's folder.",
)  # fmt: skip


@click.command("serve")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Settings (TOML); variables XUESHI_… and the options below win over it.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The installation's folder.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="Port of 127.0.0.1; 0 takes a free one."
)
@click.option("--base-url", default=None, help="Where people reach it (default: http://127.0.0.1:PORT).")
@told
def serve_command(config: Path | None, folder: Path | None, port: int | None, base_url: str | None) -> None:
    """Serve the form, the review desk and the site of an installation, and carry what is sent to the Git host."""
    given = {
        "XUESHI_FOLDER": str(folder.resolve()) if folder else None,
        "XUESHI_LISTEN_PORT": str(port or demo.free_port()) if port is not None else None,
        "XUESHI_BASE_URL": base_url,
    }
    said = settings.load(config, {**os.environ, **{name: value for name, value in given.items() if value}})
    with demo.listen(said.listen.host, said.listen.port) as sock:
        observe.log_to(level=said.log.level, as_json=said.log.format == "json")
        made = Service(said)
        demo.run(made, sock, lambda: click.echo(made.page("home", "")))


@click.command("demo")
@_dir
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port of 127.0.0.1; 0 takes a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the links as one JSON line.")
@told
def demo_command(folder: Path, port: int, as_json: bool) -> None:
    """Make an invented organisation and serve it: form, review desk, site and repository on one port."""
    with demo.listen("127.0.0.1", port) as sock:
        observe.log_to(level="warning", as_json=False)
        ids = demo.prepare(folder, today())
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        # Who tries it out wants to see at once what a decision does.
        made = Service(embedded(folder, url, desk_undo_minutes="0"))
        found = demo.links(made, ids)
        demo.run(made, sock, lambda: click.echo(json.dumps(found) if as_json else _welcome(found)))


def _welcome(found: dict[str, str]) -> str:
    lines = ["", "1  登记学习 Register   " + found["form"], "   支部海报 Poster     " + found["poster"]]
    lines += ["2  审核台 Review desk  " + found["desk"], "   审核码 Code          " + found["code"]]
    lines += ["3  本人报告 My report  " + found["report"], "   支部报告 Branch     " + found["branch"]]
    lines += ["   首页 Site           " + found["site"], "   git clone           " + found["repository"]]
    lines += [
        "",
        "按 1、2、3 走一遍；Ctrl-C 结束，再次运行会接着用同样的数据。",
        "Go 1, 2, 3; Ctrl-C ends it; run again to go on where it was.",
        "",
    ]
    return "\n".join(lines)
