"""CODEOWNERS: each host's own way of reading it asks exactly the people whose approval counts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School
from hypothesis import given
from hypothesis import strategies as st

from xueshi import owners, records
from xueshi.cli import main
from xueshi.errors import UsageError
from xueshi.model import Organisation, Reviewer, Unit
from xueshi.owners import HOSTS, beside, codeowners, differences, for_the_committee

DAY = date(2026, 11, 26)
UNITS = (
    Unit("college", "committee", "学院党委"),
    Unit("arts", "general_branch", "艺术党总支", "college"),
    Unit("jg1", "branch", "教工一支部", "arts"),
    Unit("yjs", "branch", "研究生支部", "college"),
)
PATHS = (
    *(f"records/{branch}/2026/01KJYKG9Z08M4T0V2N9X5B7CDE.yaml" for branch in ("jg1", "yjs")),
    *(f"records/{branch}/roster.yaml" for branch in ("jg1", "yjs")),
    "records/organisation.yaml", "records/policy.yaml", "records/keys.yaml", "records/closed-2025.yaml",
    "records/new/2026/01KJYKG9Z08M4T0V2N9X5B7CDE.yaml", "records/new/roster.yaml",
    "schema/study.schema.json", "scripts/setup", ".github/workflows/check.yml", ".github/CODEOWNERS", "docs/records/jg1/x",
)  # fmt: skip


def reviewer(member: str, unit: str, **more: object) -> Reviewer:
    logins = {host: f"{member}-{host}" for host in HOSTS}
    return Reviewer(member, unit, **{"start": date(2024, 1, 1), "until": None, "logins": logins, **more})  # type: ignore[arg-type]


def organisation(*reviewers: Reviewer) -> Organisation:
    return Organisation("学院党委", UNITS, reviewers, ())


def text(made: Organisation, host: str, day: date = DAY) -> str:
    return codeowners(owners.owners(made, host, day), host)


# --- as the hosts read it


def lines_of(text: str) -> list[tuple[str, frozenset[str]]]:
    """Patterns with their people, comments and a section's name left out."""
    words = [line.split(" ") for line in text.splitlines() if line[0] not in "#["]
    return [(first, frozenset(rest)) for first, *rest in words]


def asked_by_globs(text: str, path: str) -> frozenset[str]:
    """GitHub and, within one section, GitLab: the last line that matches."""

    def matches(pattern: str) -> bool:
        return pattern == "*" or path == pattern[1:] or (pattern[-1] == "/" and path.startswith(pattern[1:]))

    return [people for pattern, people in lines_of(text) if matches(pattern)][-1]


def asked_by_expressions(text: str, path: str) -> frozenset[str]:
    """Gitea and Forgejo: every line that matches `^…$`, and of those after `!` every one that does not."""
    found = []
    for pattern, people in lines_of(text):
        matches = re.fullmatch(pattern.removeprefix("!"), path) is not None
        if matches != pattern.startswith("!"):
            found.append(people)
    assert len(found) == 1  # a second line would want an approval of its own
    return found[0]


READ = {
    "github": asked_by_globs,
    "gitlab": asked_by_globs,
    "gitea": asked_by_expressions,
    "forgejo": asked_by_expressions,
}


def deciding(made: Organisation, host: str, path: str) -> frozenset[str]:
    """Who may decide, by the rule that history is read by; the committee where none of them has a login."""
    logins = {r.member: f"@{r.logins[host]}" for r in made.reviewers if host in r.logins}

    def able(path: str) -> frozenset[str]:
        may = {m for m in logins if records.may_decide(made, m, path, DAY)}
        return frozenset(logins[m] for m in may)

    known = {unit.id for unit in made.branches()}
    folder = path.split("/")[1] if path.startswith("records/") and path.count("/") > 1 else ""
    return able(path if folder in known else "policy") or able("policy")


REVIEWERS = st.builds(
    reviewer,
    st.sampled_from([f"m{n:04}" for n in range(6)]),
    st.sampled_from([unit.id for unit in UNITS]),
    start=st.dates(date(2024, 1, 1), date(2027, 6, 1)),
    until=st.none() | st.dates(date(2026, 1, 1), date(2027, 6, 1)),
)
SILENT = st.builds(
    reviewer, st.sampled_from(["m0007", "m0008"]), st.sampled_from(["jg1", "yjs", "arts"]), logins=st.just({})
)


@given(st.lists(REVIEWERS | SILENT, max_size=8), st.sampled_from(HOSTS))
def test_each_host_asks_those_whose_approval_counts(held: list[Reviewer], host: str) -> None:
    made = organisation(reviewer("m0009", "college"), *held)
    written = text(made, host)
    for path in PATHS:
        assert READ[host](written, path) == deciding(made, host, path), path


def test_the_files_are_as_each_host_reads_them() -> None:
    made = organisation(reviewer("m3", "jg1"), reviewer("m5", "college"), reviewer("m6", "arts"))
    assert text(made, "github") == (
        "# From records/organisation.yaml: xueshi owners --host github > .github/CODEOWNERS\n"
        "* @m5-github\n"
        "/records/jg1/ @m3-github @m6-github @m5-github\n"
        "/records/jg1/roster.yaml @m6-github @m5-github\n"
        "/records/yjs/ @m5-github\n"
        "/records/yjs/roster.yaml @m5-github\n"
    )
    assert text(made, "gitlab").splitlines()[1:3] == ["[Xueshi]", "* @m5-gitlab"]
    assert text(made, "gitea") == (
        "# From records/organisation.yaml: xueshi owners --host gitea > .gitea/CODEOWNERS\n"
        "!records/(jg1|yjs)/([0-9]+/.*|roster[.]yaml) @m5-gitea\n"
        "records/jg1/[0-9]+/.* @m3-gitea @m6-gitea @m5-gitea\n"
        "records/jg1/roster[.]yaml @m6-gitea @m5-gitea\n"
        "records/yjs/[0-9]+/.* @m5-gitea\n"
        "records/yjs/roster[.]yaml @m5-gitea\n"
    )
    assert "> .forgejo/CODEOWNERS" in text(made, "forgejo")
    for host in HOSTS:  # what GitHub does not know, and what Gitea takes out of a line
        body = text(made, host).partition("\n")[2]
        assert not set("\\#?") & set(body) and (host in ("gitea", "forgejo") or "!" not in body)


def test_without_branches_the_committee_decides() -> None:
    made = Organisation("学院党委", UNITS[:1], (reviewer("m5", "college"),), ())
    assert text(made, "gitea").splitlines()[1:] == [".* @m5-gitea"]
    assert text(made, "github").splitlines()[1:] == ["* @m5-github"]


def test_only_those_in_office_are_asked() -> None:
    term = reviewer("m3", "jg1", start=date(2026, 3, 1), until=date(2026, 9, 1))
    made = organisation(term, reviewer("m5", "college"))
    asked = [
        "@m3-github" in text(made, "github", day)
        for day in (date(2026, 2, 28), date(2026, 3, 1), date(2026, 8, 31), date(2026, 9, 1))
    ]
    assert asked == [False, True, True, False]


def test_a_branch_without_a_login_is_told_and_left_to_those_above() -> None:
    made = organisation(reviewer("m3", "jg1", logins={"gitea": "wei"}), reviewer("m5", "college"))
    found = owners.owners(made, "github", DAY)
    assert found.without == ("jg1", "yjs") and found.records["jg1"] == ("m5-github",)
    assert [w.split(" ")[1] for w in owners.warnings(found, "github", DAY)] == ["jg1", "yjs"]
    assert owners.owners(made, "gitea", DAY).without == ("yjs",)


def test_a_login_may_stand_with_another_term_of_the_same_member() -> None:
    made = organisation(
        reviewer("m5", "college", logins={}),
        reviewer("m5", "jg1", logins={"github": "old"}, until=date(2025, 1, 1)),
        reviewer("m5", "yjs", logins={"github": "now"}),
    )
    assert owners.owners(made, "github", DAY).committee == ("now",)


@pytest.mark.parametrize(
    "login", ["", "a b", "a\n* @mallory", "@a", "org/team", "a#", "魏", "a@example.invalid", "ａ"]
)
def test_a_login_that_is_none_is_refused(login: str) -> None:
    made = organisation(reviewer("m5", "college"), reviewer("m3", "jg1", logins={"github": login}))
    with pytest.raises(UsageError) as told:
        owners.owners(made, "github", DAY)
    assert "records/organisation.yaml: m3 的 github 账号" in str(told.value) and repr(login) in str(
        told.value
    )
    assert "\n" not in str(told.value)
    assert owners.owners(made, "gitea", DAY).committee == ("m5-gitea",)


def test_no_line_is_left_without_a_name() -> None:
    with pytest.raises(UsageError, match="党委审核人都没有 github 账号"):
        owners.owners(organisation(reviewer("m3", "jg1")), "github", DAY)


def test_differences_are_told_whatever_they_look_like() -> None:
    wanted = text(organisation(reviewer("m5", "college")), "github")
    assert differences(wanted, wanted) == []
    assert differences(wanted + "-- x\n", wanted) == ["--- x"]
    assert differences(wanted.replace("\n", "\r\n"), wanted) != []
    assert differences(wanted[:-1], wanted) == ["+"]
    assert differences("", wanted)[0] == "+" + wanted.splitlines()[0]


def test_records_come_without_code_and_the_bridge_brings_records_only() -> None:
    study, roster, code = PATHS[0], PATHS[2], "scripts/setup"
    assert list(beside([study, roster], "sub/X")) == []
    assert [(p.path, p.severity) for p in beside([study, code], "mine")] == [(code, "error")]
    assert [p.path for p in beside([roster, code], "sub/X")] == [code]
    assert list(beside([roster, code], "mine")) == []  # organisation and CODEOWNERS change together
    assert list(for_the_committee([study])) == []
    assert [(p.path, p.severity) for p in for_the_committee([roster, code])] == [(roster, "warning")]


# --- the command


def run(school: School, *args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["owners", "--repo", str(school.repo.path), "--rev", "main", *args])
    return result.exit_code, result.stdout, result.stderr


def named(school: School, committee: str) -> None:
    """An approved organisation whose committee reviewer has a login."""
    path = "records/organisation.yaml"
    old = school.repo.blobs([f"main:{path}"])[f"main:{path}"].decode()
    line = next(line for line in old.splitlines() if "m0005" in line)
    new = old.replace(line, line.rstrip("}") + f', logins: {{github: "{committee}"}}}}')
    head = school.commit((school.tip,), {path: new.encode()}, "Name the committee\n", BRIDGE)
    school.merge(head, by="m0005")


def test_the_command_writes_and_checks_the_file(school: School, tmp_path: Path) -> None:
    code, out, told = run(school, "--host", "github")
    assert code == 2 and out == "" and "logins: {github: 账号}" in told
    named(school, "chair")
    code, out, told = run(school, "--host", "github", "--on", "2026-11-26")
    assert code == 0 and "\n* @chair\n/records/jg1/ @chair\n" in out
    assert told.count("提醒：records/organisation.yaml: ") == 2
    file = tmp_path / "CODEOWNERS"
    file.write_bytes(out.encode())
    assert run(school, "--host", "github", "--check", str(file))[:2] == (0, "")
    file.write_bytes(out.replace("@chair", "@mallory\x1b[2J", 1).encode())
    code, out, told = run(school, "--host", "github", "--check", str(file))
    assert code == 1 and "-* @mallory [2J\n+* @chair\n" in out
    assert f"xueshi owners --host github > {file}" in told
    file.write_bytes(b"\xff")
    assert run(school, "--host", "github", "--check", str(file))[0] == 2


def test_a_hostile_login_writes_nothing(school: School) -> None:
    named(school, r"chair\n* @mallory")
    code, out, told = run(school, "--host", "github")
    assert (code, out) == (2, "") and "m0005" in told and "mallory" in told and told.count("\n") == 1


def test_a_pushed_organisation_names_nobody(school: School) -> None:
    """Only what was approved speaks."""
    named(school, "chair")
    path = "records/organisation.yaml"
    old = school.repo.blobs([f"main:{path}"])[f"main:{path}"]
    school.push({path: old.replace(b"chair", b"mallory")})
    assert "mallory" not in run(school, "--host", "github")[1]
