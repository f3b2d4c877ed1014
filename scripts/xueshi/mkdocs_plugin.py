"""Door: the site. MkDocs' hooks and nothing else; what a page says is made in reports/, how it looks in site/."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape
from mkdocs.commands.build import get_context
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import TableOfContents, get_toc

from xueshi import checks, project, records, words
from xueshi.checkup import checkup
from xueshi.errors import XueshiError
from xueshi.git import Repository
from xueshi.model import SHANGHAI
from xueshi.publish import site_secret
from xueshi.reading import told
from xueshi.reports import data as api
from xueshi.reports.address import address
from xueshi.reports.branch import branch
from xueshi.reports.home import home
from xueshi.reports.member import member
from xueshi.reports.source import Source
from xueshi.totals import total
from xueshi.words import plain

_HOME = "index.md"
_META = {"hide": ["navigation"], "private": True}  # of a report; see site/theme/main.html


class Settings(Config):  # type: ignore[no-untyped-call]
    """No options in mkdocs.yml."""


class XueshiPlugin(BasePlugin[Settings]):  # type: ignore[no-untyped-call]
    """Home becomes the report of the organisation; branches and members get pages of their own, out of the nav.

    It has no options. `xueshi build` says by environment what to publish: XUESHI_REPOSITORY (default: beside
    mkdocs.yml), XUESHI_REVISION (HEAD) and XUESHI_DATE (today in Shanghai), and see publish.site_secret."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Read the records once. Raises PluginError with the cure."""
        folder = Path(config.config_file_path).parent
        try:
            self._source, self._pictures = _read(folder)
        except (XueshiError, ValueError) as error:
            raise PluginError(f"xueshi: {error}") from None
        self._fragments = _fragments(folder / "site" / "templates", self._labels())
        config.copyright = str(escape(self._source.records.organisation.name))  # the theme does not escape
        return config

    def on_nav(self, nav: Navigation, /, *, config: MkDocsConfig, files: Files) -> Navigation:
        self._nav = nav
        return nav

    def on_page_content(self, html: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Home's report stands before what its page says itself."""
        if page.file.src_uri != _HOME:
            return html
        fragment = self._fragments.get_template("home.html").render(page=home(self._source))
        page.toc = _contents(fragment)
        return fragment + html

    def on_env(self, env: Environment, /, *, config: MkDocsConfig, files: Files) -> Environment:
        """Render every report straight through the theme: a page of the nav would cost each other page a line."""
        theme = env.get_template("main.html")
        for where, title, fragment in self._reports():
            page = Page(str(escape(title)), File.generated(config, f"{where}index.md", content=""), config)
            page.content, page.toc, page.meta = fragment, _contents(fragment), _META
            html = theme.render(get_context(self._nav, files, config, page))
            files.append(File.generated(config, f"{where}index.html", content=html))
        for path, value in self._data():
            text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
            files.append(File.generated(config, path, content=text))
        for sha256, data in sorted(self._pictures.items()):
            files.append(File.generated(config, f"assets/e/{sha256}.webp", content=data))
        return env

    def _labels(self) -> dict[str, str]:
        """What people call the ids that a check-up names."""
        rules = self._source.records.policy.requirements
        return {**{rule.id: rule.label for rule in rules}, **self._source.names}

    def _reports(self) -> Iterator[tuple[str, str, str]]:
        """Folder, title and fragment of each report."""
        source, template = self._source, self._fragments.get_template
        for unit in source.records.organisation.branches():
            where = source.address("branch", unit.id)
            yield where, unit.name, template("branch.html").render(page=branch(source, unit))
        for person in source.people.values():
            where = source.address("member", person.id)
            yield where, person.name, template("member.html").render(page=member(source, person))

    def _data(self) -> Iterator[tuple[str, object]]:
        """The static API: open figures below api/v1, a report's own beside the report."""
        source = self._source
        yield "api/v1/index.json", api.index_data(source)
        yield "api/v1/organisation.json", api.organisation_data(source)
        yield "api/v1/policy.json", api.policy_data(source)
        yield "api/v1/schema.json", project.schema("api")
        for unit in source.records.organisation.branches():
            own = (finding for finding in source.findings if finding.unit == unit.id)
            yield f"{source.address('branch', unit.id)}v1.json", api.branch_report_data(source, unit, own)
        for ident, figures in source.totals.members.items():
            yield f"{source.address('member', ident)}v1.json", api.member_report_data(source, figures)


def _contents(fragment: str) -> TableOfContents:
    """The second level of headings; ids and texts come from our own templates."""
    found = re.findall(r'<h2 id="([a-z-]+)">([^<]+)</h2>', fragment)
    return get_toc([{"level": 2, "id": ident, "name": name, "children": []} for ident, name in found])


def _read(folder: Path) -> tuple[Source, dict[str, bytes]]:
    repo = Repository(Path(os.environ.get("XUESHI_REPOSITORY", folder)))
    revision = os.environ.get("XUESHI_REVISION", "HEAD")
    commit = repo.resolve(revision)
    if commit is None:
        raise XueshiError(
            f"no revision {revision!r} in {repo.path}; publish from a git repository with a commit"
        )
    told_day = os.environ.get("XUESHI_DATE")
    on = date.fromisoformat(told_day) if told_day else datetime.now(SHANGHAI).date()
    approved, history = records.load_approved(repo, commit)
    proposals, people = records.load_proposals(repo, commit), approved.people()
    evidence, secret = records.evidence_blobs(repo), site_secret(folder)
    named = {e.sha256 for study in approved.studies.values() for e in study.evidence}
    named |= {e.sha256 for proposal in proposals for study in proposal.studies for e in study.evidence}
    blobs = repo.blobs(evidence[sha] for sha in named if sha in evidence)
    pictures = {sha: blobs[evidence[sha]] for sha in named if evidence.get(sha) in blobs}
    approvals = history.approvals()
    figures = total(approved, approved.policy, approvals, on)
    source = Source(
        approved,
        history,
        approvals,
        figures,
        proposals,
        records.versions(repo, history, [p for p in history.versions if records.kind_of(p) == "study"]),
        people,
        {ident: person.name for ident, person in people.items()},
        lambda kind, ident: address(secret, kind, ident),
        frozenset(pictures),
        checks.check(approved, on, records.kept(repo)),
        checkup(approved, approved.policy, figures, on),
    )
    return source, pictures


def _fragments(folder: Path, names: Mapping[str, str]) -> Environment:
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = re.compile(r"\b[a-z][a-z0-9-]{1,31}\b")
    named = lambda text: known.sub(lambda found: names.get(found[0], found[0]), text)  # noqa: E731
    made.filters.update(hours=plain, told=told, people=named)
    made.globals.update(STANDING=words.STANDING, VIA=words.VIA, VERDICT=words.VERDICT)
    return made
