"""The course of an invented year: who studied what, who sent it when, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from ulid import ULID

from xueshi.model import SHANGHAI, Change, Evidence, Study, Void
from xueshi.proposals import Sent, granted, register, voided
from xueshi.sample.people import BRANCHES, PILOTS, People
from xueshi.sample.studies import COURSE, PLACES, SEASON, TRAINING, of_month

MOVE_BACK = 40  # days before the end that one member changes branch
_PICTURED = 75  # days back in which events have pictures; older ones are text only, so that a large sample stays small


@dataclass(frozen=True, slots=True)
class Event:
    """One occasion of study. `scene` numbers its picture, or is None."""

    branch: str
    day: date
    start: str
    title: str
    content: str
    kind: str
    hours: str
    place: str
    activity: str
    scene: int | None
    days: int = 1


@dataclass(frozen=True, slots=True)
class Act:
    """One proposal. `outcome`: approved | granted | returned | open | pushed; `merged` is the record as main gets it."""

    study: Study
    action: str
    by: str
    sent_at: datetime
    decided_at: datetime
    outcome: str
    merged: Study
    reason: str = ""


def ulid_at(moment: datetime, rng: Random) -> str:
    """A ULID of a moment, the same for the same seed."""
    return str(ULID.from_bytes(int(moment.timestamp() * 1000).to_bytes(6, "big") + rng.randbytes(10)))


class Story:
    """Tells the acts of a sample, `end` exclusive. `pictures` maps a scene's number to its evidence."""

    def __init__(self, people: People, end: datetime, rng: Random, pictures: dict[int, Evidence]) -> None:
        self._people, self._end, self._rng, self._pictures = people, end, rng, pictures

    def acts(self, records: int) -> list[Act]:
        """Acts that leave exactly `records` record files on main, the named cases among them, in order of sending."""
        found = self._cases()
        files = sum(act.action == "register" and act.outcome not in ("returned", "open") for act in found)
        for event, member in self._attendances(records - files):
            found.append(self._registered(event, member))
        return sorted(found, key=lambda act: (act.sent_at, act.study.id))

    # --- the many

    def _attendances(self, wanted: int) -> list[tuple[Event, str]]:
        """Who was where; pilots have most of it. The demo's member has one training and two more."""
        found: list[tuple[Event, str]] = []
        long = wanted >= 400
        for branch in (plan.id for plan in BRANCHES):
            members = self._people.branches[branch]
            quota = self._quota(branch, wanted)
            training, course = self._training(branch, TRAINING, 110, 3), self._training(branch, COURSE, 75, 1)
            takers = [m for m in members if m in members[:2] or self._rng.random() < 0.6]
            rows = [(training, member) for member in takers]
            rows += [(course, member) for member in takers[1:] if self._rng.random() < 0.6]
            rows = rows[: quota * 2 // 3 + 1]
            taken = {training.day + timedelta(n) for n in range(3)} | {course.day}
            scene = 10 * [plan.id for plan in BRANCHES].index(branch)
            while len(rows) < quota:
                scene += 1
                event = self._event(branch, scene, taken, long=long)
                taken.add(event.day)
                going = [
                    m for m in members if self._rng.random() < 0.6 and m != self._people.branches["jg1"][0]
                ]
                rows += [(event, member) for member in going]
            found += rows[:quota]
        return found

    def _may_go(self, member: str, event: Event) -> bool:
        """The demo's member has a year of their own, and one member leaves this branch in its course."""
        gone = member == self._people.moved and event.day >= self._end.date() - timedelta(MOVE_BACK + 1)
        return member != self._people.branches["jg1"][0] and not gone

    def _quota(self, branch: str, wanted: int) -> int:
        """Records of a branch: nine in ten of a small sample are the pilots'; a large one follows the people."""
        order = [plan.id for plan in BRANCHES]
        everybody = sum(len(members) for members in self._people.branches.values())
        if everybody < 90:
            shares = {b: 0.45 if b in PILOTS else 0.1 / (len(order) - 2) for b in order}
        else:
            shares = {b: len(self._people.branches[b]) / everybody for b in order}
        cumulative = [round(wanted * sum(shares[b] for b in order[: n + 1])) for n in range(len(order))]
        place = order.index(branch)
        return cumulative[place] - (cumulative[place - 1] if place else 0)

    def _training(self, branch: str, course: tuple[str, str, str, str], back: int, days: int) -> Event:
        title, content, kind, hours = course
        day = self._end.date() - timedelta(back)
        day -= timedelta(day.weekday())  # a Monday
        return Event(
            branch, day, "08:30", title, content, kind, hours, "学校党校", self._ulid(day), None, days
        )

    def _event(self, branch: str, scene: int, taken: set[date], *, long: bool) -> Event:
        # A branch meets once a day, unless so much was asked for that the days do not suffice.
        days = [self._day(long=long) for _ in range(12)]
        day = next((day for day in days if day not in taken), days[-1])
        title, content, kind, hours, _ = self._rng.choice(of_month(day.month)[:9])
        evening = branch in ("yjs", "bk1", "bk2")
        shown = scene if (self._end.date() - day).days <= _PICTURED else None
        return Event(
            branch, day, "19:00" if evening else "14:30", title, content, kind, hours,
            self._rng.choice(PLACES), self._ulid(day), shown,
        )  # fmt: skip

    def _day(self, *, long: bool) -> date:
        """A weekday (mostly Wednesday and Thursday) of the last two months, or by season of the last fourteen."""
        while True:
            day = self._end.date() - timedelta(self._rng.randrange(4, 420 if long else 62))
            likely = (6, 6, 30, 40, 10, 5, 3)[day.weekday()] * (SEASON[day.month] if long else 10)
            if self._rng.random() * 560 < likely:
                return day

    def _registered(self, event: Event, member: str) -> Act:
        sent_at = self._sent_at(event)
        return self._act(self._study(event, member, sent_at), sent_at)

    def _sent_at(self, event: Event) -> datetime:
        """The same evening mostly, else within a week or a month."""
        chance = self._rng.random()
        late = (
            0 if chance < 0.6 else self._rng.randrange(1, 7) if chance < 0.92 else self._rng.randrange(7, 28)
        )
        last = event.day + timedelta(event.days - 1)
        latest = self._end.date() - timedelta(3)
        day = max(last, min(last + timedelta(late), latest))
        return self._moment(day, 17 if event.start < "17" else 21, self._rng.randrange(0, 7200))

    def _study(self, event: Event, member: str, sent_at: datetime, *, via: str = "link") -> Study:
        sent = Sent(
            id=ulid_at(sent_at, self._rng),
            branch=event.branch,
            member=member,
            via=via,
            notice="2026-11",
            at=sent_at,
            kind=event.kind,
            title=event.title,
            start_date=event.day,
            hours=Decimal(event.hours),
            content=event.content,
            place=event.place,
            evidence=(self._pictures[event.scene],) if event.scene is not None else (),
        )
        last = event.day + timedelta(event.days - 1) if event.days > 1 else None
        return replace(register(sent), end_date=last, activity=event.activity)

    def _act(self, study: Study, sent_at: datetime, outcome: str = "approved", reason: str = "") -> Act:
        days = self._rng.choice((1, 1, 1, 2, 3))
        decided = self._moment(sent_at.date() + timedelta(days), 9, self._rng.randrange(0, 39600))
        decided = min(decided, self._end - timedelta(minutes=self._rng.randrange(30, 600)))
        decided = max(decided, sent_at + timedelta(minutes=1))
        return Act(study, "register", study.member, sent_at, decided, outcome, study, reason)

    def _moment(self, day: date, hour: int, seconds: int = 0) -> datetime:
        return datetime.combine(day, time(hour), SHANGHAI) + timedelta(seconds=seconds)

    def _ulid(self, day: date) -> str:
        return ulid_at(self._moment(day, 8), self._rng)

    # --- the named cases

    def _cases(self) -> list[Act]:
        """One of each thing that happens to a record, in the two pilot branches."""
        return [
            *self._of_the_member(),
            *self._granted(),
            *self._corrected(),
            *self._voided(),
            *self._over_the_day(),
            self._returned(),
            self._pushed(),
            *self._waiting(),
        ]

    def _case(self, branch: str, back: int, study: tuple[str, str, str, str], scene: int | None) -> Event:
        day = self._end.date() - timedelta(back)
        title, content, kind, hours = study
        start = "19:00" if branch == "yjs" else "14:30"
        return Event(branch, day, start, title, content, kind, hours, PLACES[2], self._ulid(day), scene)

    def _single(self, branch: str, place: int, event: Event) -> tuple[Study, datetime]:
        sent_at = self._moment(event.day, 17 if branch == "jg1" else 21, 600 * (place + 1))
        members = self._people.branches[branch]
        return self._study(event, members[place % len(members)], sent_at), sent_at

    def _of_the_member(self) -> list[Act]:
        """The demo's member: with the training 28 of 32 hours."""
        plans = [
            (58, ("统一战线基础知识", "概念、政策与案例", "lecture", "1.5"), 102),
            (33, ("党章专题学习", "学习党章总纲及第一章“党员”，逐条讨论党员义务", "theme_day", "1.5"), 103),
            (
                19,
                ("党员教育管理工作条例学习", "通读条例第四章，讨论日常教育管理方式", "branch_meeting", "1"),
                104,
            ),
        ]
        return [self._act(*self._single("jg1", 0, self._case("jg1", *plan))) for plan in plans]

    def _granted(self) -> list[Act]:
        event = self._case("jg1", 26, ("乡村美育调研交流", "汇报调研过程与问题", "seminar", "4"), 105)
        study, sent_at = self._single("jg1", 5, event)
        act = self._act(study, sent_at, "granted")
        change = Change(
            "amend", self._people.secretary("jg1"), act.decided_at, "签到表为 14:00 至 16:30，共 2.5 小时"
        )
        return [replace(act, merged=granted(study, Decimal("2.5"), change))]

    def _corrected(self) -> list[Act]:
        event = self._case("yjs", 24, ("论文写作与学术诚信讲座", "学习学术规范", "lecture", "3"), 106)
        first = self._act(*self._single("yjs", 3, event))
        at = first.decided_at + timedelta(days=2)
        change = Change("correct", first.study.member, at, "讲座实际两小时，登记时写成了三小时")
        fixed = replace(first.merged, hours=Decimal(2), change=change)
        again = self._act(fixed, at)
        return [first, replace(again, action="correct")]

    def _voided(self) -> list[Act]:
        event = self._case(
            "yjs", 30, ("网络安全与个人信息保护", "学习常见风险与防范", "lecture", "1.5"), None
        )
        first = self._act(*self._single("yjs", 4, event))
        at = first.decided_at + timedelta(days=3)
        gone = voided(first.merged, Void(first.study.member, at, "那天因事没有参加，登记错了"))
        return [first, replace(self._act(gone, at), action="void")]

    def _over_the_day(self) -> list[Act]:
        day = 21
        long = self._case(
            "yjs", day, ("暑期社会实践总结与集中学习", "全天集中学习与交流", "seminar", "7"), None
        )
        evening = self._case(
            "yjs", day, ("党务工作培训：三会一课记录填写", "讲解记录要求与常见错误", "lecture", "1.5"), None
        )
        return [
            self._act(*self._single("yjs", 5, replace(long, start="08:30"))),
            self._act(*self._single("yjs", 5, evening)),
        ]

    def _returned(self) -> Act:
        event = self._case("jg1", 16, ("保密知识讲座", "学习保密要求与案例", "lecture", "2"), 107)
        study, sent_at = self._single("jg1", 6, event)
        return self._act(
            study, sent_at, "returned", "照片是上周的活动，请换成当天的照片；没有照片也可以不传。"
        )

    def _pushed(self) -> Act:
        event = self._case("yjs", 12, ("支委会会前学习", "支委学习工作方法文章", "branch_meeting", "8"), None)
        return self._act(*self._single("yjs", 6, event), "pushed")

    def _waiting(self) -> list[Act]:
        """What the reviewer of the first branch finds: three alike, one from the poster, one of the reviewer's own."""
        shared = self._case("jg1", 2, ("消防安全知识学习", "学习灭火器使用与疏散演练", "theme_day", "2"), 108)
        lecture = self._case(
            "jg1", 3, ("党务工作培训：三会一课记录填写", "讲解记录要求与常见错误", "lecture", "1.5"), 109
        )
        alone = self._case(
            "jg1", 4, ("学习平台专题课程（自学）", "自行学习并做笔记", "online_self", "3"), None
        )
        found = [self._act(*self._single("jg1", place, shared), "open") for place in (0, 4, 2, 1)]
        study, sent_at = self._single("jg1", 3, lecture)
        found.append(
            self._act(replace(study, submitted=replace(study.submitted, via="poster")), sent_at, "open")
        )
        found.append(self._act(*self._single("jg1", 6, alone), "open"))
        theirs = self._case("yjs", 2, ("读书分享会", "每人介绍一本书，推荐理由五分钟", "seminar", "2"), 110)
        return [*found, self._act(*self._single("yjs", 0, theirs), "open")]
