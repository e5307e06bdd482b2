"""The record (日志): one entry for every sign-in, refusal and act, which nobody can change (D28)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.constraints import one_of
from accounts.models.people import Person, Taxpayer
from accounts.models.signins import Proof
from accounts.words import Words


class Kind(models.TextChoices):
    """What can happen that is written down. The words are what the taxpayer reads in 历史办税操作查询."""

    ENTERPRISE_PASSWORD = "enterprise_password", _("输入企业密码")
    PERSON_CHOSEN = "person_chosen", _("选择办税人")
    CODE_SENT = "code_sent", _("发送短信验证码")
    CODE_CHECKED = "code_checked", _("核对短信验证码")
    PERSONAL_PASSWORD = "personal_password", _("输入个人登录密码")
    NATURAL_PASSWORD = "natural_password", _("输入自然人登录密码")
    SIGN_IN = "sign_in", _("登录")
    SIGN_OUT = "sign_out", _("退出")
    SIGN_IN_ENDED = "sign_in_ended", _("结束登录")
    PASSWORD_SET = "password_set", _("设置个人登录密码")
    PASSWORD_CHANGED = "password_changed", _("修改个人登录密码")
    PASSWORD_RESET = "password_reset", _("重置个人登录密码")
    PASSWORD_RECOVERED = "password_recovered", _("找回密码")
    NATURAL_PASSWORD_CHANGED = "natural_password_changed", _("修改自然人登录密码")
    POST_LINKED = "post_linked", _("确认与企业关联")
    HANDED_OVER = "handed_over", _("转入社保费征收系统")
    TICKET_REDEEMED = "ticket_redeemed", _("社保费征收系统核验凭据")
    FUNCTION_REFUSED = "function_refused", _("使用未授权的功能")
    FUNCTION_OPENED = "function_opened", _("打开功能")
    CAPACITY_LOST = "capacity_lost", _("办税身份失效")
    ENTERPRISE_PASSWORD_CHANGED = "enterprise_password_changed", _("修改企业密码")
    MEMBER_SEARCHED = "member_searched", _("查询待添加人员")
    MEMBER_ADDED = "member_added", _("添加办税人员")
    MEMBER_REMOVED = "member_removed", _("删除办税人员")
    MEMBER_FROZEN = "member_frozen", _("冻结办税人员")
    MEMBER_UNFROZEN = "member_unfrozen", _("解冻办税人员")
    MEMBER_BOUND = "member_bound", _("绑定自然人账户")
    MEMBER_UNBOUND = "member_unbound", _("解绑自然人账户")
    MEMBER_CHANGED = "member_changed", _("修改办税人员权限")
    NUMBER_SHOWN = "number_shown", _("查看完整号码")
    IDENTITY_ADDED = "identity_added", _("新增权限身份")
    IDENTITY_CHANGED = "identity_changed", _("修改权限身份")
    IDENTITY_DELETED = "identity_deleted", _("删除权限身份")
    SYNCED = "synced", _("同步办税人")
    NOT_FOUND = "not_found", _("访问不属于本企业的信息")
    ACT_REFUSED = "act_refused", _("进行无权的操作")
    ACCOUNT_REGISTERED = "account_registered", _("注册自然人账户")
    PHONE_CHANGED = "phone_changed", _("变更手机号码")
    POST_LEFT = "post_left", _("解除任职")
    MISUSE_REPORTED = "misuse_reported", _("申报非本人任职")
    MISUSE_DECIDED = "misuse_decided", _("办结非本人任职")
    CAPACITY_SWITCHED = "capacity_switched", _("切换身份")
    AGENCIES_SYNCED = "agencies_synced", _("同步代理机构信息")
    ENGAGEMENT_PROPOSED = "engagement_proposed", _("申请代理")
    ENGAGEMENT_WITHDRAWN = "engagement_withdrawn", _("撤回代理申请")
    ENGAGEMENT_RECOGNISED = "engagement_recognised", _("认定代理机构")
    ENGAGEMENT_DECLINED = "engagement_declined", _("拒绝代理申请")
    ENGAGEMENT_CHANGED = "engagement_changed", _("修改代理认定")
    ENGAGEMENT_CANCELLED = "engagement_cancelled", _("取消代理认定")
    ENGAGEMENT_ENDED = "engagement_ended", _("代理认定终止")
    HANDLERS_CHANGED = "handlers_changed", _("指定代办人员")
    CLIENT_GROUP_CHANGED = "client_group_changed", _("维护委托企业分组")
    CLIENT_ENTERED = "client_entered", _("进入委托企业")
    CLIENT_LEFT = "client_left", _("退出代理")
    CLIENT_LOST = "client_lost", _("代理终止")
    CONSENT_GIVEN = "consent_given", _("同意采集实名信息")
    CONSENT_WITHDRAWN = "consent_withdrawn", _("撤回实名信息同意")
    COLLECTION_SUBMITTED = "collection_submitted", _("提交实名采集")
    COLLECTION_APPROVED = "collection_approved", _("实名采集审核通过")
    COLLECTION_RETURNED = "collection_returned", _("实名采集审核不通过")
    REAL_NAME_COLLECTED = "real_name_collected", _("前台采集实名信息")
    PHOTO_SEEN = "photo_seen", _("查看实名照片")
    PHOTOS_DELETED = "photos_deleted", _("删除实名照片")
    OFFICER_PASSWORD = "officer_password", _("输入税务人员密码")
    OFFICER_SEARCHED = "officer_searched", _("税务人员查询")
    RECORD_SEEN = "record_seen", _("查看日志")
    TAXPAYER_OPENED = "taxpayer_opened", _("授权开户")
    TAXPAYER_CANCELLED = "taxpayer_cancelled", _("注销开户")
    ENTERPRISE_PASSWORD_RESET = "enterprise_password_reset", _("重置企业密码")
    POST_ADDED = "post_added", _("新增税务登记人员")
    POST_CHANGED = "post_changed", _("修改税务登记人员")
    POST_ENDED = "post_ended", _("终止税务登记人员")
    UNLOCKED = "unlocked", _("解除锁定")
    CHANGE_SUBMITTED = "change_submitted", _("提交变更税务登记")
    CHANGE_WITHDRAWN = "change_withdrawn", _("撤消变更税务登记")
    CHANGE_APPROVED = "change_approved", _("批准变更税务登记")
    CHANGE_RETURNED = "change_returned", _("退回变更税务登记")
    DECLARATION_PASSWORD_MADE = "declaration_password_made", _("生成申报密码")
    DECLARATION_PASSWORD_SEEN = "declaration_password_seen", _("查看申报密码")
    DECLARATION_PASSWORD_RESET = "declaration_password_reset", _("重置申报密码")
    DECLARATION_PASSWORD_CHECKED = "declaration_password_checked", _("扣缴客户端核验申报密码")
    DOWNSTREAM_ENTERED = "downstream_entered", _("进入下游系统")
    DOWNSTREAM_REFUSED = "downstream_refused", _("被拒绝进入下游系统")
    DOWNSTREAM_LEFT = "downstream_left", _("退出下游系统")
    RECORD_EXPORTED = "record_exported", _("导出日志")
    RECORD_RETIRED = "record_retired", _("按期清理日志")


class Result(models.TextChoices):
    """How it went."""

    DONE = "done", _("成功")
    REFUSED = "refused", _("未成功")


REASONS = {
    "wrong_password": _("密码错误"),
    "locked": _("连续输错，已锁定"),
    "not_in_register": _("与税务登记办税人信息不符"),
    "social_insurance": _("纯社保户不使用申报密码，无需重置"),
    "firm_closed": _("该企业在电子税务局的账户已注销"),
    "not_collected": _("尚未实名采集"),
    "not_linked": _("尚未与企业关联"),
    "first_is_due": _("首次登录尚未完成"),
    "not_added": _("尚未添加为办税人员"),
    "removed": _("已不是办税人员"),
    "frozen": _("办税人员已冻结"),
    "expired": _("办税权限已到期"),
    "sms_code": _("验证码错误或已过期"),
    "sms_blocked": _("验证码输错次数过多"),
    "code_gap": _("两次获取间隔不足60秒"),
    "code_hour": _("一小时内获取次数过多"),
    "code_day": _("一天内获取次数过多"),
    "code_address": _("同一网络获取次数过多"),
    "code_total": _("短信数量达到上限"),
    "code_prefix": _("同一号段获取次数过多"),
    "sms_unavailable": _("短信通道不可用"),
    "phone_differs": _("输入的手机号与实名信息不一致"),
    "not_set_up": _("尚未完成人员权限设置"),
    "password_not_set": _("尚未设置密码"),
    "wrong_personal_password": _("个人登录密码错误"),
    "wrong_old_password": _("旧密码错误"),
    "not_held": _("没有该功能"),
    "not_yours": _("不存在或不属于本企业"),
    "not_lead": _("不是法定代表人（业主）或财务负责人"),
    "not_manager": _("没有管理权限"),
    "candidate_not_found": _("未查询到该人员信息"),
    "searches": _("查询次数过多"),
    "already_added": _("已是本企业的办税人员"),
    "not_officer": _("不是税务人员"),
    "not_counter": _("不是前台人员"),
    "not_reviewer": _("不是审核人员"),
    "nothing_found": _("没有找到"),
    "papers_missing": _("材料不齐"),
    "opened_already": _("已经开户"),
    "taxpayer_known": _("纳税人已登记"),
    "own_affair": _("与本人有关"),
    "already_linked": _("已与企业关联"),
    "post_ended": _("任职已经结束"),
    "post_known": _("任职已经登记"),
    "lead_taken": _("法定代表人（业主）或财务负责人已有登记"),
    "name_differs": _("姓名与登记不符"),
    "since_in_the_future": _("起始日期晚于今天"),
    "until_in_the_future": _("终止日期晚于今天"),
    "until_before_since": _("终止日期早于起始日期"),
    "nothing_changed": _("没有修改内容"),
    "mobile_in_landline": _("手机号码填在固定电话项目内"),
    "not_a_mobile": _("不是手机号码"),
    "mobile_present": _("移动电话已有号码"),
    "stale": _("信息已被他人变更"),
    "self": _("不能对本人操作"),
    "not_clerk": _("法定代表人（业主）、财务负责人不能在此操作"),
    "already_frozen": _("已经冻结"),
    "not_frozen": _("没有冻结"),
    "until_in_the_past": _("日期早于现在"),
    "no_account": _("尚未注册自然人账户"),
    "already_bound": _("已绑定自然人账户"),
    "not_bound": _("没有绑定自然人账户"),
    "bound": _("已绑定自然人账户，请先解绑"),
    "foreign_identity": _("权限身份不存在"),
    "no_identity": _("没有勾选权限身份"),
    "only_leads_give_management": _("无权授予管理权限"),
    "name_taken": _("权限身份同名"),
    "unknown_function": _("功能不存在"),
    "function_not_held": _("授予或收回本人没有的功能"),
    "in_use": _("权限身份正在使用"),
    "lent": _("权限身份正由代理机构使用"),
    "misused": _("已申报非本人任职"),
    "ordinary_only": _("只能使用普通登录"),
    "not_open": _("尚未开通电子税务局"),
    "officer": _("正以税务人员身份登录"),
    "already_there": _("已经是该身份"),
    "acting": _("代理办税期间不开放"),
    "not_an_agency": _("不是涉税代理机构，或已注销"),
    "own_firm": _("委托企业与代理机构不能是同一单位"),
    "already_recognised": _("已经认定"),
    "nothing_lent": _("权限身份没有可以出借的功能"),
    "from_in_the_past": _("开始日期早于今天"),
    "dates_inverted": _("截止日期早于开始日期"),
    "over": _("已经结束"),
    "lent_wider": _("扩大出借给代理机构的功能"),
    "not_pending": _("申请已经处理"),
    "not_recognised": _("尚未认定"),
    "client_not_found": _("未查询到可以委托代理的纳税人"),
    "already_open": _("已有申请或认定"),
    "too_many_requests": _("发送申请过于频繁"),
    "too_many_handlers": _("代办人员过多"),
    "not_usable": _("该人员不能办税"),
    "foreign_group": _("分组不存在"),
    "group_name_taken": _("分组同名"),
    "not_found": _("不是本机构的委托企业"),
    "pending": _("代理申请待确认"),
    "declined": _("代理申请已拒绝"),
    "withdrawn": _("代理申请已撤回"),
    "cancelled": _("代理认定已取消"),
    "not_yet": _("代理认定尚未生效"),
    "agency_gone": _("代理机构已注销"),
    "client_gone": _("委托企业已注销"),
    "not_named": _("不是该委托企业的代办人员"),
    "four_roles": _("是委托企业自己的办税人员"),
    "declaration_none": _("没有申报密码"),
    "declaration_wrong": _("申报密码错误"),
    "declaration_own": _("已设置自己的申报密码，不能查看"),
    "lead": _("法定代表人（业主）、财务负责人以税务登记为准"),
    "nothing_to_leave": _("没有可以解除的任职"),
    "no_post": _("税务登记中没有任职"),
    "already_reported": _("已经申报，正在核实"),
    "no_password": _("尚未设置密码"),
    "phones_unchanged": _("没有修改内容"),
    "not_a_clerk": _("不是办税员"),
    "already_registered": _("任职已经登记"),
    "too_many_scans": _("上传文件过多"),
    "request_open": _("已有申请待审核或已退回"),
    "request_settled": _("申请已经处理"),
    "register_changed": _("税务登记已变更，与申请不符"),
    "reason_missing": _("没有填写原因"),
    "reason_too_long": _("原因过长"),
    "already_decided": _("申报已经办结"),
    "no_reason": _("没有填写核实意见"),
    "start_again": _("登录信息已变更，须重新办理"),
    "not_listed": _("不在该企业的人员列表中"),
    "no_phone": _("没有登记手机号码"),
    "no_real_name_phone": _("没有实名手机号"),
    "not_proven": _("尚未确认是本人"),
    "password_printed": _("企业登录密码须先由法定代表人（业主）或财务负责人修改"),
    "username_taken": _("用户注册名已被使用"),
    "names_tried": _("多次填写被使用的用户注册名"),
    "account_known": _("已有自然人账户"),
    "wrong_secret": _("系统名称或密钥错误"),
}
"""The words of each reason code that a service writes."""


_PLAIN = {
    "name": (_("名称：%(was)s → %(now)s"), _("没有")),
    "description": (_("描述：%(was)s → %(now)s"), _("没有")),
    "lent": (_("出借的权限身份：%(was)s → %(now)s"), _("没有")),
    "first_day": (_("开始日期：%(was)s → %(now)s"), _("没有")),
    "last_day": (_("截止日期：%(was)s → %(now)s"), _("长期")),
}
"""What a picture keeps as words that read as they are, and what stands for none."""


def _certificate(details: dict[str, Any]) -> Iterator[Words]:
    """The number of the certificate that the counter handed out, and to whom."""
    if details.get("certificate"):
        yield _("凭证编号：%(certificate)s，经办人：%(handler)s") % details


def _changes(before: Any, after: Any) -> Iterator[Words]:
    """What differs between two pictures of a membership, an identity or an engagement that an entry keeps."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    if before.get("identities") != after.get("identities"):
        was, now = (_("、").join(each.get("identities", ())) or _("没有") for each in (before, after))
        yield _("权限身份：%(was)s → %(now)s") % {"was": was, "now": now}
    if before.get("is_manager") != after.get("is_manager"):
        yield _("授予管理权限") if after.get("is_manager") else _("取消管理权限")
    if before.get("valid_until") != after.get("valid_until"):
        was, now = (_last_day(each.get("valid_until")) for each in (before, after))
        yield _("有效期至：%(was)s → %(now)s") % {"was": was, "now": now}
    if after.get("frozen_until") and before.get("frozen_until") != after["frozen_until"]:
        until = timezone.localtime(datetime.fromisoformat(after["frozen_until"]))
        yield _("冻结至%(until)s") % {"until": date_format(until, "SHORT_DATETIME_FORMAT")}
    for name, (words, nothing) in _PLAIN.items():
        if before.get(name) != after.get(name):
            yield words % {"was": before.get(name) or nothing, "now": after.get(name) or nothing}


_NUMBERS = {
    "id_number": _("身份证件号码"),
    "phone": _("手机号码"),
    "all": _("身份证件号码、手机号码"),
}
"""Which of somebody's numbers an entry says were shown in full."""


def _given(details: dict[str, Any]) -> Iterator[Words]:
    """What somebody was given when he was added: an act that makes something has no picture of before."""
    if details.get("identities"):
        yield _("权限身份：%(names)s") % {"names": _("、").join(details["identities"])}
    if "before" not in details and details.get("is_manager"):
        yield _("授予管理权限")
    if details.get("description"):
        yield _("描述：%(description)s") % details
    if details.get("which") in _NUMBERS:
        yield _("号码：%(which)s") % {"which": _NUMBERS[details["which"]]}


def _marks(details: dict[str, Any]) -> Iterator[Words]:
    """What a person was made or is no longer: a handler, or one whom the register no longer names; or how many were."""
    if isinstance(details.get("named"), bool):
        yield _("指定为代办人员") if details["named"] else _("不再是代办人员")
    if isinstance(details.get("marked"), bool):
        yield _("标记为与税务登记不符") if details["marked"] else _("恢复正常")
    elif "marked" in details:
        yield _("标记%(marked)s人，恢复%(lifted)s人") % details


def _last_day(until: str | None) -> str:
    """The last day before a moment of the record, in words; without one there is no end."""
    if not until:
        return str(_("长期"))
    return date_format(timezone.localdate(datetime.fromisoformat(until) - timedelta(microseconds=1)))


_KINDS = dict(Kind.choices)


class AuditEntry(models.Model):
    """When, who, for whom, what, how proved, result, address, request id (D28).

    Written in the act's own transaction. Triggers in the database refuse to change or delete a row (LOG-03). `seq`
    orders entries whatever the clocks say; `reason` is a code, `details` holds what the kind needs, never a secret.
    """

    seq = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    result = models.CharField(max_length=8, choices=Result.choices, default=Result.DONE)
    reason = models.CharField(max_length=40, blank=True, default="")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    taxpayer = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    via = models.ForeignKey(Taxpayer, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    target = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    proof = models.CharField(max_length=24, blank=True, default="")
    ip = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=32, blank=True, default="")
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = (
            one_of("kind", Kind, name="audit_entry_kind_is_known"),
            one_of("result", Result, name="audit_entry_result_is_known"),
        )
        indexes = (
            models.Index("taxpayer", models.F("seq").desc(), name="audit_entry_of_taxpayer"),
            models.Index("person", models.F("seq").desc(), name="audit_entry_of_person"),
            models.Index("request_id", name="audit_entry_of_request"),
            models.Index(
                "via",
                models.F("seq").desc(),
                condition=models.Q(via__isnull=False),
                name="audit_entry_of_agency",
            ),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"

    def get_kind_display(self) -> str:  # type: ignore[no-redef]  # Django leaves out what is there
        """As Django's own, which translates each of the hundred kinds to find one."""
        return str(_KINDS.get(self.kind, self.kind))

    @property
    def reason_in_words(self) -> str:
        """Why it was refused, as the taxpayer reads it; empty when it was done."""
        if self.reason.startswith("password_") and self.reason not in REASONS:
            return str(_("新密码不符合要求"))  # which rule of D12 it broke is nobody's business afterwards
        if self.reason.startswith("scan_"):
            return str(_("扫描件不符合要求"))
        return str(REASONS.get(self.reason, self.reason))

    @property
    def details_in_words(self) -> list[str]:
        """What changed, in sentences for the taxpayer; the floor that knows functions and pages names those."""
        lines = [*_changes(self.details.get("before"), self.details.get("after")), *_certificate(self.details)]
        lines.extend(_given(self.details))
        if self.details.get("new_browser"):
            lines.append(_("此前未使用过的浏览器"))
        if self.details.get("phone_was"):
            lines.append(_("手机号码：%(phone_was)s → %(phone_now)s") % self.details)
        if self.details.get("reason_given"):
            lines.append(_("原因：%(reason)s") % {"reason": gettext(self.details["reason_given"])})
        if self.details.get("sign_ins_ended"):
            lines.append(_("结束了%(count)s处登录") % {"count": self.details["sign_ins_ended"]})
        lines.extend(_marks(self.details))
        if self.details.get("number"):
            lines.append(_("纳税人识别号：%(number)s") % self.details)
        if self.details.get("name"):
            lines.append(gettext(self.details["name"]))  # a name, or words that were kept in the source language
        return [str(line) for line in lines]

    @property
    def proof_in_words(self) -> str:
        """What proved the person; empty where nothing had yet."""
        return str(dict(Proof.choices).get(self.proof, self.proof))
