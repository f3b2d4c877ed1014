"""The handbook's walk: what members, reviewers, policy officers and operators do, one picture a step."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from handbook import WIDE, Walk, example
from playwright.sync_api import Locator, Page, expect

from xueshi import changes
from xueshi.git import Repository
from xueshi.model import MEMBER
from xueshi.sample.scenes import scene
from xueshi.sealing import sheets
from xueshi.sealing.cards import cards
from xueshi.sealing.keys import LINK_VARIABLE, root_from

WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50"


def steps(walk: Walk) -> None:
    """Everything, in an order in which each step finds what it needs."""
    member = _member_registers(walk)
    _reviewer_decides(walk)
    _member_reads_on(walk, member)
    _report(walk)
    _link(walk)
    _branch(walk)
    _policy(walk)
    _operators(walk)
    _in_english(walk)


def _choice(page: Page, words: str) -> Locator:
    """One of the choices; some have a small remark behind their name."""
    return page.locator("label.choice").filter(has_text=re.compile(rf"^\s*{re.escape(words)}(\D|$)"))


def _register(page: Page, title: str, kind: str, hours: str, photo: Path | None = None) -> None:
    """The form filled in, not yet sent."""
    _choice(page, kind).first.click()
    _choice(page, hours).first.click()
    page.get_by_label("学习主题").fill(title)
    if photo is not None:
        page.locator("input[type=file]").set_input_files(photo)
        expect(page.locator("figure.new img")).to_have_js_property("complete", True)


def _send(page: Page) -> None:
    page.get_by_role("button", name="提交登记").click()
    expect(page.locator("h1.state")).to_have_text("待审核")


def _member_registers(walk: Walk) -> Page:
    photo = walk.folder / "photo.png"
    photo.write_bytes(scene(101, outdoors=False))

    poster = walk.page(walk.links["poster"])
    poster.get_by_label("找姓名").fill("lyq")
    poster.get_by_label("林样青").check()
    walk.take(
        poster, "poster", poster.locator("main > .hint").first, poster.get_by_role("button", name="下一步")
    )
    poster.get_by_role("button", name="下一步").click()
    walk.look(poster)
    poster.get_by_role("button", name="提交登记").click()  # with nothing filled in
    expect(poster.get_by_role("heading", level=2).first).to_contain_text("处需要修改")
    walk.look(poster)

    form = walk.page(walk.links["form"])
    walk.look(form, unfold=True)
    form.reload()
    _register(form, "党章第三章专题学习", "主题党日", "2", photo)
    walk.take(form, "form", form.locator("h1"), form.locator("#field-kind"))
    walk.take(form, "photo", form.locator("#field-title"), form.locator("form > .hint.after"))
    _send(form)
    walk.take(form, "receipt", form.locator("h1.state"), form.locator("section.box").first)
    status = walk.page(f"{walk.links['form'].split('/m/')[0]}/s")
    walk.look(status)

    # One to be returned, one of a kind that does not count, one taken back.
    for title, kind in (("保密知识学习", "专题讲座"), ("党史网络课程", "网络自学"), ("读书分享会", "党课")):
        form.goto(walk.links["form"])
        _register(form, title, kind, "1")
        _send(form)
    receipt = form.url
    form.goto(f"{walk.links['form']}/mine")
    walk.look(form)
    form.goto(receipt)
    form.get_by_role("link", name="撤回这条登记").click()
    expect(form.get_by_role("heading", level=1)).to_have_text("撤回这条登记？")
    walk.look(form)
    form.get_by_role("button", name="撤回这条登记").click()
    expect(form.locator("h1.state")).to_have_text("已撤回")
    walk.look(form)
    return form


def _reviewer_decides(walk: Walk) -> None:
    desk = walk.page(walk.links["desk"])
    desk.get_by_label("审核码").fill("123456")
    walk.take(desk, "code", desk.locator("h1"), desk.locator("main > .hint.after"))
    desk.get_by_label("审核码").fill(walk.links["code"])
    desk.get_by_role("button", name="进入审核台").click()
    expect(desk.get_by_role("button", name="退出此设备")).to_be_visible()
    walk.look(desk)

    desk.locator("#all").check()
    walk.take(desk, "desk", desk.locator("h1"), desk.locator("li.item").nth(1), screen=True)

    item = desk.locator("li.item", has_text="党章第三章专题学习")
    item.get_by_role("link", name="打开").click()
    walk.look(desk)
    walk.take(desk, "opened", desk.locator("#detail"))
    desk.get_by_role("link", name="改学时").click()
    _choice(desk, "1.5").click()
    desk.get_by_label("原因").fill("签到表为 14:30 至 16:00")
    walk.take(desk, "amend", desk.locator("#detail form"))
    desk.get_by_role("button", name="改学时并通过").click()

    item = desk.locator("li.item", has_text="保密知识学习")
    item.get_by_role("link", name="打开").click()
    desk.get_by_role("link", name="退回").click()
    _choice(desk, "日期有误").click()
    desk.get_by_label("写给").fill("那天是星期三，请看看是不是 11 月 18 日")
    walk.take(desk, "return", desk.locator("#detail form"))
    desk.get_by_role("button", name="退回这一条").click()

    desk.get_by_label("选中 林样青：党史网络课程").check()
    desk.get_by_role("button", name=re.compile("通过 1 条")).click()
    walk.take(desk, "decided", desk.locator("#summary"), desk.locator("section.decided"))
    desk.get_by_role("button", name="立即生效").last.click()
    for _ in range(20):
        if not desk.get_by_role("button", name="立即生效").count():
            break
        desk.get_by_role("button", name="立即生效").last.click()
    walk.look(desk)


def _member_reads_on(walk: Walk, form: Page) -> None:
    def stands(words: str, title: str) -> None:
        row = form.locator("ul.list > li", has_text=title).first
        for _ in range(60):
            form.goto(f"{walk.links['form']}/mine")
            if words in row.inner_text():
                return
            form.wait_for_timeout(500)
        raise AssertionError(f"{title} is not {words}: {row.inner_text()}")

    for words, title in (
        ("已退回", "保密知识学习"),
        ("已通过", "党章第三章专题学习"),
        ("已通过", "党史网络课程"),
    ):
        stands(words, title)
    walk.take(form, "mine", form.locator("h1"), form.locator("ul.list > li").nth(3))
    walk.look(form)
    form.locator("ul.list > li", has_text="保密知识学习").locator("a").first.click()
    walk.take(form, "returned", form.locator("h1.state"), form.locator("main .hint.after").first)
    form.goto(f"{walk.links['form']}/mine")
    form.locator("ul.list > li", has_text="党章第三章专题学习").locator("a").first.click()
    walk.look(form)
    form.get_by_role("link", name="更正这条记录").click()
    form.get_by_label("更正原因").fill("日期写错了一天，应为前一天")
    _choice(form, "昨天").click()
    walk.take(form, "correct", form.locator("h1"), form.locator("#field-start_date"))


def _report(walk: Walk) -> None:
    """The member's sealed report; it follows a merge by itself, after a while."""
    page = walk.page(walk.links["report"])
    row = page.locator(".x-ledger tbody tr", has_text="党史网络课程")
    for _ in range(120):
        expect(page.locator(".x-hero")).to_be_visible()
        if row.count() and "此类型不计入" in row.inner_text():
            break
        page.wait_for_timeout(1000)
        page.goto("about:blank")
        page.goto(walk.links["report"], wait_until="networkidle")
    expect(row).to_contain_text("此类型不计入")
    walk.take(page, "report", page.locator("[data-view] h1"), page.locator("[data-plan]"))
    row.locator("summary").click()
    waiting = page.locator(".x-ledger tbody tr", has_text="待审核")
    walk.take(page, "ledger", page.locator("#ledger"), waiting.first)
    walk.look(page, unfold=True)
    walk.take(page, "device", page.locator("[data-device]"))
    page.get_by_role("button", name="记住我的链接").click()
    expect(page.get_by_role("button", name="忘记我的链接")).to_be_visible()
    walk.look(page)
    page.get_by_role("button", name="忘记我的链接").click()
    expect(page.get_by_role("heading", name="已经忘记您的链接")).to_be_visible()
    walk.look(page)


def _link(walk: Walk) -> None:
    """What a link that does not open says, and WeChat's browser."""
    site, _, key = walk.links["report"].partition("#")
    for url, words in ((site, "请打开您自己的链接"), (f"{site}#{key[:-3]}", "这个链接打不开")):
        page = walk.page(url)
        expect(page.get_by_role("heading", name=words)).to_be_visible()
        walk.look(page)
        if words == "请打开您自己的链接":
            walk.take(page, "nolink", page.locator("[data-state=nolink]"))
    walk.look(walk.page(f"{walk.service.links.base_url}/me"))
    page = walk.page(walk.links["report"], user_agent=WECHAT)
    page.get_by_role("button", name="打印登记表").click()
    expect(page.get_by_role("heading", name="请在浏览器里打开")).to_be_visible()
    walk.look(page)


def _branch(walk: Walk) -> None:
    page = walk.page(walk.links["branch"])
    expect(page.locator(".x-hero")).to_be_visible()
    walk.take(page, "branch", page.locator("[data-view] h1"), page.locator(".x-members tbody tr").nth(3))
    walk.look(page, unfold=True)


def _policy(walk: Walk) -> None:
    """The handbook's example, proposed and pushed; then the committee's desk."""
    clone = walk.folder / "clone"
    subprocess.run(["git", "clone", "-q", walk.links["repository"], str(clone)], check=True)
    policy, (old, new) = clone / "records" / "policy.yaml", example()
    text = policy.read_text(encoding="utf-8")
    assert text.count(old) == 1, "the handbook's example does not begin with what the policy says"
    policy.write_text(text.replace(old, new), encoding="utf-8")
    repo = Repository(clone)
    tip = repo.resolve("refs/remotes/origin/main")
    assert tip is not None
    ref = changes.propose_files(repo, tip, by=walk.ids["reviewer"], at=walk.clock())
    subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", ref], check=True)
    links = walk.service.links
    desk = walk.page(links.desk(walk.ids["officer"]), WIDE)
    desk.get_by_label("审核码").fill(links.desk_code(walk.ids["officer"]))
    desk.get_by_role("button", name="进入审核台").click()
    item = desk.locator("li.item", has_text="名册或规则的改动")
    for _ in range(60):
        if item.count():
            break
        desk.wait_for_timeout(500)
        desk.reload()
    item.get_by_role("link", name="打开").click()
    walk.take(desk, "policy", desk.locator("#detail h1"), desk.locator("#detail form.acts"))


def _operators(walk: Walk) -> None:
    """The paper with a member's link, and what a machine is told of the service."""
    root = root_from({LINK_VARIABLE: "5a" * 32}, LINK_VARIABLE)
    current = walk.service.office.current()
    made = cards(
        current.records, MEMBER, [walk.ids["member"]], root, "https://study.example.invalid/", current.today
    )
    paper = walk.folder / "paper.html"
    paper.write_text(sheets(list(made)), encoding="utf-8")
    page = walk.page(paper.as_uri())
    walk.take(page, "paper", page.locator(".card").first)
    walk.look(walk.page(walk.links["site"], WIDE))


def _in_english(walk: Walk) -> None:
    """The same reports as an English site has them; the form stays Chinese."""
    before = (walk.service.site / "index.html").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XUESHI_LANGUAGE", "en")
        for _ in range(600):
            if (walk.service.site / "index.html").read_bytes() != before:
                break
            time.sleep(0.5)
        site, _, key = walk.links["report"].partition("#")
        for url in (
            walk.links["site"],
            walk.links["report"],
            walk.links["branch"],
            site,
            f"{site}#{key[:-3]}",
        ):
            page = walk.page(url)
            if url in (walk.links["report"], walk.links["branch"]):
                expect(page.locator(".x-hero")).to_be_visible()
            walk.look(page, unfold=True)
        page = walk.page(walk.links["report"], user_agent=WECHAT)
        page.get_by_role("button", name="Print the study sheet").click()
        expect(page.get_by_role("heading", name="Open in your browser")).to_be_visible()
        page.get_by_role("button", name="Remember my link").click()
        expect(page.get_by_role("button", name="Forget my link")).to_be_visible()
        walk.look(page)
