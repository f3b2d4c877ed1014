"""Door: the site. MkDocs' hooks and nothing else; what a page says is made in reports/, how it looks in site/."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import escape
from mkdocs.commands.build import get_context
from mkdocs.config import config_options as c
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import TableOfContents, get_toc

from xueshi import languages, project, publish, sources, speech
from xueshi.content_policy import content_policy
from xueshi.editions import Edition, Open, Published, Sealed, fragments
from xueshi.errors import XueshiError
from xueshi.git import Repository
from xueshi.model import SHANGHAI
from xueshi.offers import Offers
from xueshi.reports import data as api
from xueshi.reports.address import address
from xueshi.reports.contents import reports
from xueshi.reports.home import home
from xueshi.reports.source import Source
from xueshi.sealing import access
from xueshi.segmenting import learn

_HOME = "index.md"
_SCRIPTS = ("query-find", "query-files", "query-data", "query-page", "query")  # see site/templates/query.html
_META = {"hide": ["navigation"], "private": True}  # of a report; see site/theme/main.html


class Settings(Config):  # type: ignore[no-untyped-call]
    edition = c.Choice(("sealed", "open"), default="sealed")
    bridge = c.Type(str, default="")


class XueshiPlugin(BasePlugin[Settings]):  # type: ignore[no-untyped-call]
    """Home becomes the report of the organisation; all other reports have pages of their own, out of the nav.

    Options: `edition`, sealed (reports open with their readers' keys) or open (for a site behind a login); `bridge`, the
    address of the form, where reports send whoever registers, corrects or reviews.
    The site speaks `theme.language`, zh-CN or en.
    `xueshi build` says by environment what to publish: XUESHI_REPOSITORY (default: beside mkdocs.yml),
    XUESHI_REVISION (HEAD) and XUESHI_DATE (today in Shanghai); see publish.site_secret and publish.keyring for the
    secrets, and XUESHI_EDITION, XUESHI_BRIDGE_URL and XUESHI_LANGUAGE, which go before the options."""

    _speaking = ExitStack()  # the language, until the build is over; a build may fail before it has one

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Read the records once. Raises PluginError with the cure."""
        self._folder = Path(config.config_file_path).parent
        self._speaking = ExitStack()
        try:
            self._speaking.enter_context(speech.spoken(languages.language_told(os.environ, config)))
            self._edition_name = publish.edition_told(os.environ, self.config.edition)
            bridge = publish.bridge_told(os.environ, self.config.bridge)
            self._secret = publish.site_secret(self._folder)
            self._source, self._pictures = _read(self._folder, self._secret)
            publish.in_force(self._source.records)
            if self._edition_name == "sealed":
                held = self._source.records.keys
                self._keys = publish.keyring(os.environ, self._secret, held, self._source.on)
        except (XueshiError, ValueError) as error:
            raise PluginError(f"xueshi: {error}") from None
        self._offers = Offers(self._source, bridge)
        self._fragments = fragments(self._folder / "site" / "templates", self._labels())
        learn(self._names(), self._folder / ".xueshi" / "jieba")
        languages.put_into_words(config)
        config.extra["edition"] = self._edition_name
        config.copyright = str(escape(self._source.records.organisation.name))  # the theme does not escape
        return config

    def on_files(self, files: Files, /, *, config: MkDocsConfig) -> Files:
        self._chinese = languages.choose_pages(files, config)
        return files

    def on_nav(self, nav: Navigation, /, *, config: MkDocsConfig, files: Files) -> Navigation:
        self._nav = nav
        return nav

    def on_page_content(self, html: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Home's report stands before what its page says itself."""
        if page.file.src_uri in self._chinese and html:
            html = f'<div lang="{speech.CHINESE}">{html}</div>'
        if page.file.src_uri != _HOME:
            return html
        told = {"page": home(self._source), "edition": self._edition_name, "offers": self._offers}
        fragment = self._fragments.get_template("home.html").render(**told)
        page.toc = _contents(fragment)
        return fragment + html

    def on_env(self, env: Environment, /, *, config: MkDocsConfig, files: Files) -> Environment:
        """Render every report straight: a page of the nav would cost each other page a line."""
        env.filters["content_policy"] = content_policy
        speech.teach(env)
        edition = self._edition(env, config, files)
        for report in reports(self._source):
            links = edition.links(report)
            template = self._fragments.get_template(f"{report.kind}.html")
            offer = self._offers.of(report, links)
            fragment = template.render(page=report.value, links=links, offer=offer, edition=edition.name)
            _add(files, config, edition.publish(report, fragment, links))
        _add(files, config, edition.finish())
        _add(files, config, self._data())
        if edition.name == "sealed":
            _add(files, config, [Published("o/index.html", self._loader(config).encode())])
        return env

    def on_post_build(self, /, *, config: MkDocsConfig) -> None:
        self._speaking.close()

    def on_build_error(self, /, *, error: Exception) -> None:
        self._speaking.close()

    def _edition(self, env: Environment, config: MkDocsConfig, files: Files) -> Edition:
        source = self._source
        if self._edition_name == "open":
            return Open(source.address, _layout(env, config, files, self._nav), self._pictures)
        who_reads = access(source.records, source.on)
        asof = source.history.at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
        name = source.records.organisation.name
        return Sealed(self._keys, who_reads, self._pictures, site=name, asof=asof)

    def _loader(self, config: MkDocsConfig) -> str:
        template = self._fragments.get_template("loader.html")
        version = self._source.history.tip[:10]
        organisation = self._source.records.organisation.name
        return template.render(
            site_name=config.site_name,
            organisation=organisation,
            version=version,
            report=self._offers.way("/report"),
            scripts=[f"../assets/{script}.js" for script in _SCRIPTS],
        )

    def _names(self) -> Iterator[str]:
        """What the open pages call things; nobody's name is among it."""
        policy = self._source.records.policy
        yield from (unit.name for unit in self._source.records.organisation.units)
        yield from (kind.label for kind in policy.kinds.values())
        yield from (rule.label for rule in policy.requirements)

    def _labels(self) -> dict[str, str]:
        """What people call the ids that a check-up names."""
        rules = self._source.records.policy.requirements
        return {**{rule.id: rule.label for rule in rules}, **self._source.names}

    def _data(self) -> Iterator[Published]:
        """The static API, of figures that name nobody; each report offers its own (see offers.py)."""
        source = self._source
        yield _json("api/v1/index.json", api.index_data(source))
        yield _json("api/v1/organisation.json", api.organisation_data(source))
        yield _json("api/v1/policy.json", api.policy_data(source))
        yield _json("api/v1/schema.json", project.schema("api"))


def _json(path: str, value: dict[str, Any]) -> Published:
    return Published(path, api.as_file(value))


def _add(files: Files, config: MkDocsConfig, published: Iterable[Published]) -> None:
    for file in published:
        files.append(File.generated(config, file.path, content=file.data))


def _layout(
    env: Environment, config: MkDocsConfig, files: Files, nav: Navigation
) -> Callable[[str, str, str], str]:
    """Lays a fragment out as the theme does its pages: folder, title, fragment → HTML."""
    theme = env.get_template("main.html")

    def page(folder: str, title: str, fragment: str) -> str:
        made = Page(str(escape(title)), File.generated(config, f"{folder}index.md", content=""), config)
        made.content, made.toc, made.meta = fragment, _contents(fragment), _META
        return str(theme.render(get_context(nav, files, config, made)))

    return page


def _contents(fragment: str) -> TableOfContents:
    """The second level of headings; ids and texts come from our own templates."""
    found = re.findall(r'<h2 id="([a-z-]+)">([^<]+)</h2>', fragment)
    return get_toc([{"level": 2, "id": ident, "name": name, "children": []} for ident, name in found])


def _read(folder: Path, secret: bytes) -> tuple[Source, dict[str, bytes]]:
    repo = Repository(Path(os.environ.get("XUESHI_REPOSITORY", folder)))
    revision = os.environ.get("XUESHI_REVISION", "HEAD")
    commit = repo.resolve(revision)
    if commit is None:
        raise XueshiError(
            f"no revision {revision!r} in {repo.path}; publish from a git repository with a commit"
        )
    told_day = os.environ.get("XUESHI_DATE")
    on = date.fromisoformat(told_day) if told_day else datetime.now(SHANGHAI).date()
    places = partial(address, secret)
    source = sources.read(repo, commit, on, address=places, histories=True, judged=True)
    shown = [*source.records.studies.values(), *(study for _, study in source.waiting())]
    pictures = sources.pictures(repo, (one.sha256 for study in shown for one in study.evidence))
    return replace(source, pictures=frozenset(pictures)), pictures
