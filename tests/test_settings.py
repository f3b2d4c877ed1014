"""Settings are read as they are meant, and every fault is told at once, with a cure and without a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xueshi.errors import UsageError
from xueshi.hosts.base import Budget
from xueshi.settings import KEYS, describe, load, sources, variable

TOKEN, OTHER = "ghp_0123456789abcdef", "ghp_fedcba9876543210"
REMOTE = f"""
folder = "data"
base_url = "https://study.example.edu.cn/"
[listen]
host = "0.0.0.0"
port = 8000
trusted_proxies = ["10.0.0.5/32", "fd00::/64"]
[host]
kind = "gitea"
api_url = "https://git.example.edu.cn/api/v1"
repository = "party/records"
token = "{TOKEN}"
[desk]
token = "{OTHER}"
undo_minutes = 0
[budget]
apart = 1.5
"""


def written(folder: Path, text: str, mode: int = 0o640) -> Path:
    file = folder / "xueshi.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def faults(file: Path | None, **environ: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load(file, environ)
    return str(caught.value).splitlines()[1:]


def test_a_folder_is_enough_for_the_embedded_host() -> None:
    found = load(None, {"XUESHI_FOLDER": "/srv/xueshi"})
    assert (found.folder, found.base_url) == (Path("/srv/xueshi"), "http://127.0.0.1:8765")
    assert (found.host.kind, found.desk.enabled, found.desk.undo_minutes) == ("local", True, 10)
    assert (found.limits.member_per_hour, found.limits.address_per_minute) == (20, 900)
    assert (found.limits.guesses_per_minute, found.limits.disk_floor) == (30, 500 * 1024 * 1024)
    assert (found.coalescing.records, found.coalescing.pictures) == (20, 25)
    assert (found.coalescing.gather_seconds, found.coalescing.rush_after) == (60, 5)
    assert [str(one) for one in found.listen.trusted_proxies] == ["127.0.0.0/8", "::1/128"]
    assert found.budget.over(Budget(1.0, 2, 3)) == Budget(1.0, 2, 3)


def test_a_file_says_everything_and_paths_start_beside_it(tmp_path: Path) -> None:
    found = load(written(tmp_path, REMOTE), {})
    assert (found.folder, found.base_url) == (tmp_path / "data", "https://study.example.edu.cn")
    assert found.host.web_url == "https://git.example.edu.cn" and found.host.token == TOKEN
    assert (
        found.desk.enabled
        and found.desk.token == OTHER
        and found.desk.identity.email == "desk@example.invalid"
    )
    assert found.budget.over(Budget(1.0, 2, 3)) == Budget(1.5, 2, 3)
    assert TOKEN not in repr(found) and OTHER not in repr(found)


def test_the_environment_wins_and_an_empty_variable_is_none(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("ghp_from_a_file_00\n")
    found = load(
        written(tmp_path, REMOTE),
        {
            "XUESHI_LISTEN_PORT": "9000",
            "XUESHI_LISTEN_TRUSTED_PROXIES": "192.0.2.1/32, 192.0.2.2/32",
            "XUESHI_DESK_ENABLED": "no",
            "XUESHI_HOST_TOKEN_FILE": str(tmp_path / "token"),
            "XUESHI_BASE_URL": "",
            "XUESHI_SITE_SECRET": "read elsewhere",
            "PATH": "/usr/bin",
        },
    )
    assert (found.listen.port, found.desk.enabled, found.host.token) == (9000, False, "ghp_from_a_file_00")
    assert [str(one) for one in found.listen.trusted_proxies] == ["192.0.2.1/32", "192.0.2.2/32"]
    assert found.base_url == "https://study.example.edu.cn"


def test_the_desk_of_a_real_host_is_off_until_it_has_a_token(tmp_path: Path) -> None:
    without = REMOTE.replace(f'token = "{OTHER}"', "")
    assert not load(written(tmp_path, without), {}).desk.enabled
    found = faults(written(tmp_path, without), XUESHI_DESK_ENABLED="true")
    assert len(found) == 1 and found[0].startswith("desk.token（XUESHI_DESK_TOKEN）")
    same = faults(written(tmp_path, REMOTE.replace(OTHER, TOKEN)))
    assert len(same) == 1 and "a proposer never approves" in same[0] and TOKEN not in same[0]


def test_every_fault_is_told_at_once_with_place_value_and_cure(tmp_path: Path) -> None:
    text = REMOTE.replace("port = 8000", "port = 80000").replace("https://study", "http://study")
    text = text.replace("10.0.0.5/32", "0.0.0.0/0").replace("undo_minutes = 0", "undo_minuts = 0")
    found = faults(written(tmp_path, text), XUESHI_LOG_LEVEL="loud", XUESHI_HOST_KIND="git hub")
    file = tmp_path / "xueshi.toml"
    told = "\n".join(found)
    assert len(found) == 6
    for words in (
        f"{file}: listen.port = 80000：请写 1 到 65535 的整数 / write a whole number from 1 to 65535",
        f"{file}: base_url = 'http://study.example.edu.cn/'：请用 https",
        f"{file}: listen.trusted_proxies = ['0.0.0.0/0', 'fd00::/64']：不能相信所有地址",
        f"{file}: desk.undo_minuts：没有这个设置，是 desk.undo_minutes 吗？ / no such setting; did you mean",
        "XUESHI_LOG_LEVEL = 'loud'：请写其中一个：debug、info、warning、error",
        "XUESHI_HOST_KIND = 'git hub'：请写其中一个：local、github、gitea、gitlab",
    ):
        assert words in told, told


def test_no_fault_tells_a_secret(tmp_path: Path) -> None:
    text = REMOTE.replace("token =", "tokn =", 1).replace("https://git", f"https://me:{TOKEN}@git")
    found = faults(
        written(tmp_path, text + f'[hst]\ntoken = "{TOKEN}"\n', 0o644),
        XUESHI_HOST_TOKEN=f"{TOKEN} {TOKEN}", XUESHI_HOST_TOKEM=TOKEN, XUESHI_HOST_HOOK_SECRET="short",
    )  # fmt: skip
    told = "\n".join(found)
    assert TOKEN not in told and "short" not in told and "chmod 640" in told
    for where in (
        "host.tokn",
        "hst.token",
        "XUESHI_HOST_TOKEN：",
        "XUESHI_HOST_TOKEM",
        "XUESHI_HOST_HOOK_SECRET",
    ):
        assert where in told, told


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("listen.port", "0", False), ("listen.port", "65535", True), ("listen.port", "８０", False),
        ("desk.undo_minutes", "60", True), ("desk.undo_minutes", "61", False), ("desk.undo_minutes", "-1", False),
        ("base_url", "http://127.0.0.1:8000", True), ("base_url", "http://[::1]:8000", True),
        ("base_url", "http://localhost", True), ("base_url", "http://127.0.0.1.evil.test", False),
        ("base_url", "https://a.test/sub", False), ("base_url", "https://u:p@a.test", False),
        ("base_url", "https://a.test?x", False), ("base_url", "ftp://a.test", False), ("base_url", "a.test", False),
        ("base_url", "HTTPS://A.test/", True), ("desk.email", "desk", False), ("desk.email", "a<b@c", False),
        ("desk.email", "bridge@example.invalid", False), ("desk.name", "a\nb", False), ("desk.name", "审核台", True),
        ("listen.trusted_proxies", "10.0.0.1/8", False), ("listen.trusted_proxies", "10.0.0.0/8,::1/128", True),
        ("listen.host", "0.0.0.0", False), ("log.format", "JSON", True), ("log.format", "xml", False),
        ("desk.enabled", "ja", False), ("budget.apart", "0.5", True), ("budget.apart", "nan", False),
        ("host.token", TOKEN, False), ("host.kind", "github", False),
    ],
)  # fmt: skip
def test_each_setting_has_its_bounds(name: str, value: str, right: bool) -> None:
    environ = {"XUESHI_FOLDER": "/srv", variable(name): value}
    if right:
        load(None, environ)
    else:
        assert len(faults(None, **environ)) >= 1


def test_what_is_missing_is_named_with_its_variable() -> None:
    assert faults(None)[0].startswith("folder（XUESHI_FOLDER）：请写安装所在的文件夹")
    found = faults(None, XUESHI_FOLDER="/srv", XUESHI_HOST_KIND="gitea", XUESHI_LISTEN_HOST="::")
    assert [one.partition("（")[0] for one in found] == [
        "base_url", "host.api_url", "host.repository", "host.token",
    ]  # fmt: skip


def test_github_and_gitlab_know_their_own_addresses() -> None:
    environ = {"XUESHI_FOLDER": "/srv", "XUESHI_HOST_REPOSITORY": "a/b", "XUESHI_HOST_TOKEN": TOKEN}
    hub = load(None, {**environ, "XUESHI_HOST_KIND": "github"}).host
    assert (hub.api_url, hub.web_url) == ("https://api.github.com", "https://github.com")
    own = {"XUESHI_HOST_KIND": "gitlab", "XUESHI_HOST_API_URL": "https://git.test/x/api/v4"}
    assert load(None, {**environ, **own}).host.web_url == "https://git.test/x"


@pytest.mark.parametrize("text", ["folder = ", 'folder = "x"\nfolder = "y"', "\udcff"])
def test_a_broken_file_says_so(tmp_path: Path, text: str) -> None:
    file = tmp_path / "xueshi.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=r"不是正确的 TOML"):
        load(file, {})
    with pytest.raises(UsageError, match="读不出"):
        load(tmp_path / "none.toml", {})


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    text = REMOTE.replace("[desk]", 'token_file = "token"\n[desk]')
    assert "give it or" in faults(written(tmp_path, text))[0]
    alone = written(tmp_path, text.replace(f'token = "{TOKEN}"\n', ""))
    assert "读不出" in faults(alone)[0]
    (tmp_path / "token").write_text(TOKEN)
    assert load(alone, {}).host.token == TOKEN
    assert load(alone, {"XUESHI_HOST_TOKEN": "by-environment"}).host.token == "by-environment"


def test_the_description_names_every_setting_and_no_secret(tmp_path: Path) -> None:
    told = describe(load(written(tmp_path, REMOTE), {}))
    assert [line.partition(" = ")[0] for line in told.splitlines()] == [key.name for key in KEYS]
    assert TOKEN not in told and OTHER not in told
    assert "host.token = （已设置）/ set" in told and "host.hook_secret = （未设置）/ not set" in told
    assert "limits.disk_floor_mb = 500" in told and "budget.per_hour = （默认）/ default" in told


def test_every_other_variable_of_the_program_is_known() -> None:
    root = Path(__file__).parent.parent
    texts = [file.read_text(encoding="utf-8") for file in root.glob("scripts/xueshi/**/*.py")]
    used = {name for text in texts for name in re.findall(r"\bXUESHI_([A-Z_]+[A-Z])", text)}
    ours = {variable(key.name).removeprefix("XUESHI_") for key in KEYS}
    unknown = used - ours - {f"{name}_FILE" for name in ours} - sources.ELSEWHERE
    assert not unknown, "add them to settings.sources.ELSEWHERE, or the service refuses to start beside them"
