"""What an invented branch studies: title, content, kind, hours, month (0: any)."""

from __future__ import annotations

STUDIES = (
    ("党章专题学习", "学习党章总纲及第一章“党员”，逐条讨论党员义务", "theme_day", "1.5", 3),
    ("党员教育管理工作条例学习", "通读条例第四章，讨论日常教育管理方式", "branch_meeting", "1", 3),
    ("全国两会精神学习", "学习政府工作报告教育部分，交流体会", "theme_day", "2", 3),
    ("植树与校园环境整治", "在校园东区植树并清理绿地", "volunteer", "3", 3),
    ("清明祭扫与党史讲解", "赴烈士陵园祭扫，听讲解", "field_study", "4", 4),
    ("国家安全教育日学习", "观看宣传片，学习相关法律条文", "theme_day", "1", 4),
    ("读书分享会", "每人介绍一本书，推荐理由五分钟", "seminar", "2", 4),
    ("校史馆现场教学", "参观校史馆，了解学校沿革", "field_study", "2", 4),
    ("青年节主题座谈", "学生党员与教师党员交流成长", "seminar", "2", 5),
    ("博物馆展览参观", "参观地方历史展并完成学习单", "field_study", "3", 5),
    ("保密知识讲座", "学习保密要求与案例", "lecture", "1.5", 5),
    ("师德师风专题学习", "学习教师职业行为准则，案例讨论", "staff_study", "1.5", 5),
    ("书记讲党课：从一张校报看变化", "支部书记授课，党员提问", "party_lecture", "1.5", 6),
    ("“七一”主题党日", "重温入党誓词，学习老党员事迹", "theme_day", "2", 6),
    ("毕业生党员组织关系转接说明会", "讲解转接流程与时限", "branch_meeting", "1", 6),
    ("纪律处分条例学习", "分章学习，测试二十题", "theme_day", "1.5", 6),
    ("暑期网络课程", "完成指定网络课程六节", "online_organised", "3", 8),
    ("开学第一次支部大会", "传达学期计划，学习相关文件", "branch_meeting", "1", 9),
    ("抗战史料展参观", "参观展览，撰写短评", "field_study", "2.5", 9),
    ("国庆主题学习", "学习国旗法、国歌法", "theme_day", "1", 10),
    ("网络安全与个人信息保护", "学习常见风险与防范", "lecture", "1.5", 10),
    ("论文写作与学术诚信讲座", "学习学术规范", "lecture", "2", 10),
    ("消防安全知识学习", "学习灭火器使用与疏散演练", "theme_day", "1", 11),
    ("乡村美育调研交流", "汇报调研过程与问题", "seminar", "2.5", 11),
    ("党务工作培训：三会一课记录填写", "讲解记录要求与常见错误", "lecture", "1.5", 11),
    ("与兄弟支部共建学习", "两支部交流工作方法", "theme_day", "2.5", 11),
    ("宪法日学习", "宪法文本朗读与问答", "theme_day", "1", 12),
    ("组织生活会会前学习", "学习有关规定，准备发言", "theme_day", "1.5", 12),
    ("年度总结与学习交流", "支部总结，党员交流", "branch_meeting", "2", 12),
    ("党小组学习：文件选读", "分段领读并讨论", "branch_meeting", "1", 0),
    ("学习平台专题课程（自学）", "自行学习并做笔记", "online_self", "1", 0),
    ("观看纪录片《示例影片》", "集体观看并讨论", "theme_day", "2", 0),
    ("统一战线基础知识", "概念、政策与案例", "lecture", "1.5", 0),
    ("支委会会前学习", "支委学习工作方法文章", "branch_meeting", "0.5", 0),
)
TRAINING = ("党员集中轮训班", "三天集中授课、分组讨论与结业测试", "rotation", "24")
COURSE = ("党务能力提升班", "全天授课与案例讨论", "rotation", "8")
# Share of a year's records by month, in per cent.
SEASON = {1: 4, 2: 3, 3: 11, 4: 10, 5: 11, 6: 14, 7: 5, 8: 3, 9: 10, 10: 9, 11: 10, 12: 10}
PLACES = ("艺术楼 302 会议室", "图书馆报告厅", "党员活动室", "学院报告厅")


def of_month(month: int) -> tuple[tuple[str, str, str, str, int], ...]:
    """Studies that fit a month: its own first, then those of any month and of the month before."""
    before = 12 if month == 1 else month - 1
    return tuple(
        sorted((s for s in STUDIES if s[4] in (month, before, 0)), key=lambda s: (s[4] != month, s[4] == 0))
    )
