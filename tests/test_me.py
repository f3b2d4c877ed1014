"""From the site to one's own pages: /me, by what this browser opened before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_bridge import NOW, Desk, bridge
from test_members import approved, ticket

from xueshi import ulids


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with bridge(tmp_path) as made:
        yield made


def led(desk: Desk, path: str) -> str:
    """Where a page sends the browser."""
    answer = desk.client.get(path, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_who_opened_their_link_here_is_led_to_their_own_pages(desk: Desk) -> None:
    link = desk.member()
    desk.client.get(link)
    assert led(desk, "/me") == f"{link}/mine"
    assert led(desk, "/me/register") == link
    assert led(desk, "/me/report") == desk.office.page("member", "m0012")
    record = desk.outbox.get(ticket(approved(desk))).sent.record_id  # type: ignore[union-attr]
    assert led(desk, f"/me/correct/{record}") == f"{link}/correct/{record}"
    assert "更正记录" in desk.client.get(f"/me/correct/{record}").text


def test_the_last_link_opened_here_is_the_one_that_holds(desk: Desk) -> None:
    last = desk.member("m0005")
    desk.client.get(desk.member())
    desk.client.get(f"{last}/mine")
    assert led(desk, "/me") == f"{last}/mine"


def test_a_poster_says_nothing_of_who_came(desk: Desk) -> None:
    desk.client.get(desk.office.links.poster("jg1").removeprefix(desk.office.links.base_url))
    assert "xueshi-me" not in desk.client.cookies


@pytest.mark.parametrize("path", ["/me", "/me/register", "/me/report", "/me/correct/x", "/me/desk"])
def test_a_browser_that_opened_none_is_told_what_to_open(desk: Desk, path: str) -> None:
    answer = desk.client.get(path)
    assert answer.status_code == 404
    assert "这台设备上还没有打开过您的" in answer.text and "链接" in answer.text


def test_a_forged_or_replaced_link_leads_nowhere(desk: Desk) -> None:
    desk.client.cookies.set("xueshi-me", "bTAwMTI.aaaa.bbbb", path="/me")
    assert desk.client.get("/me").status_code == 404
    desk.client.cookies.clear()
    desk.client.get(desk.member())
    desk.outbox.doors.replace("m", "m0012", NOW)
    assert "这台设备上还没有打开过" in desk.client.get("/me").text


def test_a_desk_is_found_again_and_still_asks_for_its_code(desk: Desk) -> None:
    link = desk.reviewer()
    desk.client.get(link)
    assert led(desk, "/me/desk") == link
    for cookie in [c for c in desk.client.cookies.jar if c.path == "/desk"]:
        desk.client.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)
    assert "审核码" in desk.client.get("/me/desk").text


def test_somebody_elses_record_is_not_corrected_by_way_of_me(desk: Desk) -> None:
    desk.client.get(desk.member("m0005"))
    record = desk.outbox.get(ticket(approved(desk))).sent.record_id  # type: ignore[union-attr]
    desk.client.get(desk.member("m0005"))
    answer = desk.client.get(f"/me/correct/{record}")
    assert answer.status_code == 404 and "只能更正本人" in answer.text
    assert desk.client.get(f"/me/correct/{ulids.new(NOW)}").status_code == 404


def test_a_path_in_place_of_a_record_leads_nowhere_else(desk: Desk) -> None:
    link = desk.member()  # once: it says the second it was made in
    desk.client.get(link)
    for hostile in ("..%2F..%2Fsite", "%2F%2Fevil.example", "%0d%0aSet-Cookie:a=b", "<script>"):
        answer = desk.client.get(f"/me/correct/{hostile}", follow_redirects=False)
        place = answer.headers.get("location", "")
        assert answer.status_code == 404 or place.startswith(f"{link}/correct/"), place
        assert "\n" not in place and "<" not in place and ".." not in place.removeprefix(link)


def test_a_browser_forgets_when_told(desk: Desk) -> None:
    desk.client.get(desk.member())
    assert "忘记我的链接" in desk.client.get("/me").text
    assert desk.client.post("/me/forget", follow_redirects=False).status_code == 303
    assert desk.client.get("/me").status_code == 404


def cookies(desk: Desk) -> set[str]:
    return {cookie.name for cookie in desk.client.cookies.jar}


def test_a_device_that_forgets_a_link_leaves_the_desk_too(desk: Desk) -> None:
    reviewer = desk.reviewer()
    desk.client.get(reviewer)
    page = desk.client.get(f"{desk.member('m0003')}/mine").text
    assert "审核台也会退出" in page
    assert cookies(desk) == {
        "xueshi-me", "xueshi-my-desk", "xueshi-my-desk-m0003", "xueshi-desk-m0003",
    }  # fmt: skip
    desk.client.post("/me/forget", follow_redirects=False)
    assert cookies(desk) == set()
    assert "请输入您的审核码" in desk.client.get(reviewer).text


def test_the_desk_of_the_member_whose_link_is_forgotten_is_left_wherever_me_leads(desk: Desk) -> None:
    for member in ("m0003", "m0005"):  # the second is where /me/desk leads
        desk.client.get(desk.reviewer(member))
    desk.client.get(desk.member("m0003"))
    desk.client.post("/me/forget", follow_redirects=False)
    assert cookies(desk) == set()


def test_every_desk_that_was_opened_on_a_shared_device_is_left(desk: Desk) -> None:
    members = ("m0003", "m0004", "m0005")
    paths = [desk.reviewer(member) for member in members]
    for path in paths:
        desk.client.get(path)
    desk.client.get(desk.member())
    desk.client.post("/me/forget", follow_redirects=False)
    assert cookies(desk) == set()
    assert all("请输入您的审核码" in desk.client.get(path).text for path in paths)


def test_a_foreign_cookie_forgets_nothing_and_breaks_nothing(desk: Desk) -> None:
    desk.client.get(desk.member())
    hostile = "xueshi-my-desk-m0003=x; xueshi-my-desk-a b=y; xueshi-my-desk-=z"
    answer = desk.client.post("/me/forget", headers={"cookie": hostile}, follow_redirects=False)
    assert answer.status_code == 303 and "m0003" not in str(answer.headers.multi_items())


def test_a_browser_that_knows_nobody_forgets_without_a_fault(desk: Desk) -> None:
    desk.client.cookies.set("xueshi-me", "x.y.z", path="/me")
    assert desk.client.post("/me/forget", follow_redirects=False).status_code == 303


def test_who_leaves_the_desk_is_led_there_no_more(desk: Desk) -> None:
    reviewer = desk.reviewer()
    desk.client.get(reviewer)
    desk.client.get(desk.member("m0003"))
    answer = desk.client.post(f"{reviewer}/leave", follow_redirects=False)
    assert answer.headers["location"] == reviewer
    assert cookies(desk) == {"xueshi-me"}, "the personal link is another matter"
    assert desk.client.get("/me/desk").status_code == 404


def test_the_cookie_is_for_me_alone_and_no_script_reads_it(desk: Desk) -> None:
    said = desk.client.get(desk.member()).headers["set-cookie"]
    assert "HttpOnly" in said and "Path=/me" in said and "SameSite=lax" in said and "Max-Age=34560000" in said
