"""功能树, the function tree: the closed catalogue of what can be done in the portal, ticked per identity (M25, D7)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CODE_LENGTH = 64


class System(models.TextChoices):
    """Where a leaf leads: the portal itself or the downstream system that does the work."""

    PORTAL = "portal", _("电子税务局门户")
    REGISTRATION = "registration", _("登记系统")
    DECLARATION = "declaration", _("申报系统")
    COLLECTION = "collection", _("征收系统")
    INVOICE = "invoice", _("电子发票服务平台")
    REFUND = "refund", _("出口退税系统")
    SOCIAL_INSURANCE = "social_insurance", _("社保费征收系统")
    CREDIT = "credit", _("纳税信用系统")
    DOCUMENT = "document", _("文书系统")
    QUERY = "query", _("查询系统")
    INTERACTION = "interaction", _("征纳互动系统")
    SERVICE = "service", _("公众服务系统")


# Names are left out of comparing: a lazy string compares and hashes as its translation, which changes with the reader.


@dataclass(frozen=True, slots=True)
class Function:
    """A leaf of the tree: one thing to tick in an identity (M25) and, if lendable, to lend to an agency (D23)."""

    code: str
    name: Promise = field(compare=False)
    system: System
    lendable: bool = True
    url_name: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Leaves that stand under one heading of the menu."""

    code: str
    name: Promise = field(compare=False)
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A root of the tree: one entry of the main menu."""

    code: str
    name: Promise = field(compare=False)
    groups: tuple[Group, ...]


# One leaf a line: a table to be read down, which the formatter would unfold to twice the depth.
# fmt: off
INFO = Branch("info", _("我的信息"), (
    Group("info.taxpayer", _("纳税人信息"), (
        Function("info.taxpayer.basic", _("纳税人基本信息"), System.REGISTRATION),
        Function("info.taxpayer.structure", _("投资方及总分机构信息"), System.REGISTRATION),
    )),
    Group("info.registration", _("登记信息"), (
        Function("info.registration.register", _("税务登记信息"), System.REGISTRATION),
        Function("info.registration.levies", _("税费种认定信息"), System.REGISTRATION),
        Function("info.registration.cross_region", _("跨区域涉税事项登记信息"), System.REGISTRATION),
    )),
    Group("info.qualification", _("资格信息"), (
        Function("info.qualification.vat_general", _("增值税一般纳税人资格信息"), System.REGISTRATION),
        Function("info.qualification.export", _("出口退（免）税资格信息"), System.REFUND),
        Function("info.qualification.non_profit", _("非营利组织免税资格信息"), System.REGISTRATION),
    )),
    Group("info.assessment", _("核定信息"), (
        Function("info.assessment.invoice", _("发票票种核定信息"), System.INVOICE),
        Function("info.assessment.income_tax", _("企业所得税核定信息"), System.COLLECTION),
    )),
    Group("info.archive", _("电子资料"), (
        # Holds scans of the identity documents of the firm's people, which D23 keeps from agencies.
        Function("info.archive.licences", _("证照资料"), System.DOCUMENT, lendable=False),
        Function("info.archive.submitted", _("已报送涉税资料"), System.DOCUMENT),
        Function("info.archive.documents", _("税务文书"), System.DOCUMENT),
    )),
))

TAX = Branch("tax", _("我要办税"), (
    Group("tax.matters", _("涉税事项办理"), (
        # Says who acts for the taxpayer (D23, D25, M137).
        Function("tax.matters.change", _("变更税务登记"), System.PORTAL, lendable=False, url_name="staff:changes"),
    )),
    Group("tax.declaration", _("税费申报及缴纳"), (
        Function("tax.declaration.vat_general", _("增值税及附加税费申报（一般纳税人适用）"), System.DECLARATION),
        Function("tax.declaration.vat_small", _("增值税及附加税费申报（小规模纳税人适用）"), System.DECLARATION),
        Function("tax.declaration.vat_prepayment", _("增值税及附加税费预缴申报"), System.DECLARATION),
        Function("tax.declaration.excise", _("消费税及附加税费申报"), System.DECLARATION),
        Function("tax.declaration.cit_quarterly", _("企业所得税月（季）度预缴申报"), System.DECLARATION),
        Function("tax.declaration.cit_annual", _("企业所得税年度汇算清缴申报"), System.DECLARATION),
        # The form of M123 only: whoever holds it doesn't thereby see the 申报密码, which is never lent (D23, D24).
        Function("tax.declaration.iit_withholding", _("个人所得税扣缴申报"), System.DECLARATION),
        # Never lent: it opens the taxpayer's 扣缴客户端 (D23, D24).
        Function("tax.declaration.password", _("查看申报密码"), System.PORTAL, False, "staff:declaration"),
        Function("tax.declaration.iit_business", _("经营所得个人所得税申报"), System.DECLARATION),
        Function("tax.declaration.property_sources", _("财产和行为税税源信息采集"), System.DECLARATION),
        Function("tax.declaration.property", _("财产和行为税合并纳税申报"), System.DECLARATION),
        Function("tax.declaration.disabled_fund", _("残疾人就业保障金申报"), System.DECLARATION),
        Function("tax.declaration.non_tax", _("非税收入通用申报"), System.DECLARATION),
        Function("tax.declaration.financial_report", _("财务会计报告报送"), System.DECLARATION),
        Function("tax.declaration.correction", _("申报错误更正"), System.DECLARATION),
        Function("tax.declaration.payment", _("税费缴纳"), System.COLLECTION),
    )),
    Group("tax.social", _("社会保险费"), (
        Function("tax.social.declaration", _("单位社会保险费申报"), System.SOCIAL_INSURANCE),
        Function("tax.social.payment", _("单位社会保险费缴费"), System.SOCIAL_INSURANCE),
        Function("tax.social.refund", _("社会保险费退费申请"), System.SOCIAL_INSURANCE),
    )),
    Group("tax.report", _("综合信息报告"), (
        # The account is where refunds are paid to: an agency could lead them to its own.
        Function("tax.report.bank_account", _("存款账户账号报告"), System.REGISTRATION, lendable=False),
        # Lets the treasury debit the taxpayer's account: consent that only its holder gives.
        Function("tax.report.debit_agreement", _("银税三方（委托）划缴协议"), System.COLLECTION, lendable=False),
        Function("tax.report.accounting", _("财务会计制度及核算软件备案报告"), System.REGISTRATION),
        Function("tax.report.vat_general", _("增值税一般纳税人登记"), System.REGISTRATION),
        Function("tax.report.cross_region", _("跨区域涉税事项报告"), System.REGISTRATION),
        Function("tax.report.cross_region_end", _("跨区域涉税事项信息反馈"), System.REGISTRATION),
        Function("tax.report.suspension", _("停业登记"), System.REGISTRATION),
        Function("tax.report.resumption", _("复业登记"), System.REGISTRATION),
        Function("tax.report.merger", _("企业合并分立报告"), System.REGISTRATION),
        # Decides how legal documents reach the taxpayer, and with it when his time limits begin.
        Function("tax.report.e_service", _("税务文书电子送达确认"), System.DOCUMENT, lendable=False),
        # Ends the taxpayer in the register and can't be undone: no less than 变更税务登记, which D23 names.
        Function("tax.report.deregistration", _("清税申报及税务注销"), System.REGISTRATION, lendable=False),
    )),
    Group("tax.invoice", _("发票使用"), (
        Function("tax.invoice.issue", _("蓝字发票开具"), System.INVOICE),
        Function("tax.invoice.red", _("红字发票开具"), System.INVOICE),
        Function("tax.invoice.types", _("发票票种核定申请"), System.INVOICE),
        Function("tax.invoice.allowance", _("发票额度调整申请"), System.INVOICE),
        Function("tax.invoice.supply", _("发票领用"), System.INVOICE),
        Function("tax.invoice.cancellation", _("发票缴销"), System.INVOICE),
        Function("tax.invoice.loss", _("发票遗失、损毁报告"), System.INVOICE),
        Function("tax.invoice.by_bureau", _("代开增值税发票"), System.INVOICE),
    )),
    Group("tax.deduction", _("增值税抵扣凭证管理"), (
        Function("tax.deduction.selection", _("抵扣类发票勾选"), System.INVOICE),
        Function("tax.deduction.customs", _("海关缴款书信息采集"), System.INVOICE),
        Function("tax.deduction.overdue", _("逾期增值税抵扣凭证抵扣申请"), System.DOCUMENT),
    )),
    Group("tax.relief", _("税收减免"), (
        Function("tax.relief.filing", _("税收减免备案"), System.DOCUMENT),
        Function("tax.relief.approval", _("税收减免核准"), System.DOCUMENT),
        Function("tax.relief.waiver", _("纳税人放弃免（减）税权声明"), System.DOCUMENT),
    )),
    Group("tax.certificate", _("证明开具"), (
        Function("tax.certificate.paid", _("税收完税证明开具"), System.COLLECTION),
        Function("tax.certificate.no_arrears", _("无欠税证明开具"), System.COLLECTION),
        Function("tax.certificate.residence", _("中国税收居民身份证明开具"), System.DOCUMENT),
        Function("tax.certificate.foreign_payment", _("服务贸易等项目对外支付税务备案"), System.DOCUMENT),
    )),
    Group("tax.refund", _("一般退（抵）税管理"), (
        Function("tax.refund.overpaid", _("误收多缴退抵税"), System.COLLECTION),
        Function("tax.refund.settlement", _("汇算清缴结算多缴退抵税"), System.COLLECTION),
        Function("tax.refund.vat_credit", _("增值税期末留抵税额退税"), System.COLLECTION),
    )),
    Group("tax.export", _("出口退税管理"), (
        Function("tax.export.filing", _("出口退（免）税备案"), System.REFUND),
        Function("tax.export.exempt_refund", _("免退税申报"), System.REFUND),
        Function("tax.export.exempt_credit_refund", _("免抵退税申报"), System.REFUND),
        Function("tax.export.certificate", _("出口退（免）税证明开具"), System.REFUND),
    )),
    Group("tax.assessment", _("核定管理"), (
        Function("tax.assessment.quota", _("定期定额户申请核定定额"), System.COLLECTION),
        Function("tax.assessment.quota_end", _("定期定额户申请终止定期定额征收"), System.COLLECTION),
    )),
    Group("tax.permit", _("税务行政许可"), (
        Function("tax.permit.payment_extension", _("延期缴纳税款核准"), System.DOCUMENT),
        Function("tax.permit.declaration_extension", _("延期申报核准"), System.DOCUMENT),
        Function("tax.permit.invoice_limit", _("增值税专用发票最高开票限额审批"), System.DOCUMENT),
    )),
    Group("tax.credit", _("纳税信用"), (
        Function("tax.credit.supplement", _("纳税信用补评"), System.CREDIT),
        Function("tax.credit.review", _("纳税信用复评（核）"), System.CREDIT),
        Function("tax.credit.repair", _("纳税信用修复"), System.CREDIT),
    )),
    Group("tax.remedy", _("法律追责与救济事项"), (
        Function("tax.remedy.reconsideration", _("税务行政复议申请"), System.DOCUMENT),
        Function("tax.remedy.compensation", _("税务行政赔偿申请"), System.DOCUMENT),
        # Pledges the taxpayer's property.
        Function("tax.remedy.security", _("纳税担保申请确认"), System.DOCUMENT, lendable=False),
    )),
    Group("tax.agency", _("涉税专业服务机构管理"), (
        Function("tax.agency.profile", _("涉税专业服务机构基本信息采集"), System.REGISTRATION),
        # Says who acts for whom, as 代理机构认定 does, which D23 names.
        Function("tax.agency.agreement", _("涉税专业服务协议要素信息采集"), System.REGISTRATION, lendable=False),
        Function("tax.agency.annual_report", _("涉税专业服务年度报告报送"), System.DOCUMENT),
    )),
))

QUERY = Branch("query", _("我要查询"), (
    Group("query.record", _("办税进度及记录查询"), (
        Function("query.record.progress", _("办税进度及结果信息查询"), System.DOCUMENT),
        # The manual's own example of a function to be ticked (M97).
        Function("query.record.operations", _("历史办税操作查询"), System.PORTAL, url_name="staff:operations"),
        Function("query.record.logistics", _("物流信息查询"), System.QUERY),
    )),
    Group("query.invoice", _("发票信息查询"), (
        Function("query.invoice.all", _("全量发票查询"), System.INVOICE),
        Function("query.invoice.stock", _("发票领用及结存信息查询"), System.INVOICE),
        Function("query.invoice.deduction", _("抵扣勾选统计结果查询"), System.INVOICE),
    )),
    Group("query.declaration", _("申报信息查询"), (
        Function("query.declaration.filed", _("已申报信息查询"), System.QUERY),
        Function("query.declaration.due", _("应申报及逾期未申报信息查询"), System.QUERY),
        Function("query.declaration.financial_report", _("财务会计报告报送信息查询"), System.QUERY),
    )),
    Group("query.payment", _("缴款信息查询"), (
        Function("query.payment.paid", _("税费缴款信息查询"), System.QUERY),
        Function("query.payment.arrears", _("欠税信息查询"), System.QUERY),
        Function("query.payment.refund", _("退（抵）税信息查询"), System.QUERY),
        Function("query.payment.social", _("社会保险费缴费信息查询"), System.SOCIAL_INSURANCE),
    )),
    Group("query.decision", _("优惠、核定及证明信息查询"), (
        Function("query.decision.relief", _("优惠信息查询"), System.QUERY),
        Function("query.decision.quota", _("定期定额核定信息查询"), System.QUERY),
        Function("query.decision.certificate", _("证明信息查询"), System.QUERY),
    )),
    Group("query.credit", _("信用、违章及中介机构信息查询"), (
        Function("query.credit.standing", _("纳税信用状态信息查询"), System.CREDIT),
        Function("query.credit.violations", _("违法违章信息查询"), System.QUERY),
        Function("query.credit.agencies", _("涉税中介机构信息查询"), System.QUERY),
    )),
))

INTERACTION = Branch("interaction", _("互动中心"), (
    Group("interaction.inbox", _("消息与待办"), (
        Function("interaction.inbox.messages", _("我的消息"), System.INTERACTION),
        Function("interaction.inbox.tasks", _("我的待办"), System.INTERACTION),
        Function("interaction.inbox.risks", _("风险提醒"), System.INTERACTION),
    )),
    Group("interaction.booking", _("预约办税"), (
        Function("interaction.booking.book", _("办税服务厅预约"), System.INTERACTION),
        Function("interaction.booking.mine", _("我的预约"), System.INTERACTION),
    )),
    Group("interaction.advice", _("在线咨询"), (
        Function("interaction.advice.chat", _("征纳互动咨询"), System.INTERACTION),
        Function("interaction.advice.letters", _("12366纳税服务留言"), System.INTERACTION),
    )),
    Group("interaction.feedback", _("评价与投诉"), (
        Function("interaction.feedback.rating", _("办税服务评价"), System.INTERACTION),
        Function("interaction.feedback.complaint", _("纳税服务投诉"), System.INTERACTION),
    )),
))

PUBLIC = Branch("public", _("公众服务"), (
    Group("public.policy", _("政策法规"), (
        Function("public.policy.laws", _("税收法规库"), System.SERVICE),
        Function("public.policy.explained", _("政策解读"), System.SERVICE),
    )),
    Group("public.notice", _("通知公告"), (
        Function("public.notice.notices", _("税务机关公告"), System.SERVICE),
        Function("public.notice.calendar", _("税收日历"), System.SERVICE),
    )),
    Group("public.download", _("下载中心"), (
        Function("public.download.forms", _("表证单书下载"), System.SERVICE),
        Function("public.download.software", _("软件下载"), System.SERVICE),
    )),
    Group("public.lookup", _("公众查询"), (
        Function("public.lookup.invoice", _("发票查验"), System.INVOICE),
        Function("public.lookup.arrears", _("欠税公告"), System.SERVICE),
        Function("public.lookup.grade_a", _("A级纳税人查询"), System.CREDIT),
        Function("public.lookup.vat_general", _("一般纳税人资格查询"), System.SERVICE),
        Function("public.lookup.offenders", _("重大税收违法失信主体查询"), System.SERVICE),
    )),
    Group("public.guidance", _("咨询辅导"), (
        Function("public.guidance.guide", _("办税指南"), System.SERVICE),
        Function("public.guidance.map", _("办税地图"), System.SERVICE),
        Function("public.guidance.school", _("纳税人学堂"), System.SERVICE),
        Function("public.guidance.questions", _("热点问题"), System.SERVICE),
    )),
))
# fmt: on

TREE: tuple[Branch, ...] = (INFO, TAX, QUERY, INTERACTION, PUBLIC)


def _index(tree: tuple[Branch, ...]) -> dict[str, Function]:
    """All leaves by code, in tree order; ValueError on a code that is taken, misplaced or too long."""
    found: dict[str, Function] = {}
    groups: set[str] = set()
    for branch in tree:
        for group in branch.groups:
            _check_code(group.code, parent=branch.code, taken=groups)
            groups.add(group.code)
            for function in group.functions:
                _check_code(function.code, parent=group.code, taken=found)
                _check_address(function)
                found[function.code] = function
    return found


def _check_code(code: str, *, parent: str, taken: Collection[str]) -> None:
    """A code is its parent's code, a dot and a word of its own, stands once, and fits its database column."""
    head, _dot, word = code.rpartition(".")
    if head != parent or not word:
        raise ValueError(f"function tree: {code!r} stands below {parent!r}")
    if code in taken:
        raise ValueError(f"function tree: {code!r} stands twice")
    if len(code) > CODE_LENGTH:
        raise ValueError(f"function tree: {code!r} is longer than {CODE_LENGTH} characters")


def _check_address(function: Function) -> None:
    """A leaf has a page in the portal if and only if it is the portal's own."""
    if (function.system is System.PORTAL) != bool(function.url_name):
        raise ValueError(f"function tree: {function.code!r} needs a url_name if it leads to the portal, and only then")


FUNCTIONS: dict[str, Function] = _index(TREE)
ALL: frozenset[str] = frozenset(FUNCTIONS)  # what LR and FR hold (D7)
LENDABLE: frozenset[str] = frozenset(code for code, function in FUNCTIONS.items() if function.lendable)  # D23


def get(code: str) -> Function:
    """The leaf with this code; LookupError if the tree has none."""
    try:
        return FUNCTIONS[code]
    except KeyError:
        raise LookupError(f"no function {code!r} in the function tree") from None


def unknown(codes: Iterable[str]) -> set[str]:
    """Those of the codes that are no leaf of the tree."""
    return set(codes) - ALL


def branch_codes(branch_code: str) -> frozenset[str]:
    """The codes of all leaves below a branch or a group; LookupError if the tree has neither."""
    below = frozenset(code for code in FUNCTIONS if code.startswith(f"{branch_code}."))
    if not below:
        raise LookupError(f"no branch or group {branch_code!r} in the function tree")
    return below


def menu(codes: Collection[str]) -> tuple[Branch, ...]:
    """The tree pruned to these leaves, without empty groups and branches; nothing held is an empty menu (D7, M96)."""
    return _menu_of(frozenset(codes))


@lru_cache(maxsize=1024)
def _menu_of(held: frozenset[str]) -> tuple[Branch, ...]:
    """The same sets come again with every page of everybody who holds them."""
    branches = (replace(branch, groups=_pruned(branch.groups, held)) for branch in TREE)
    return tuple(branch for branch in branches if branch.groups)


@lru_cache(maxsize=1024)
def key_of(held: frozenset[str]) -> str:
    """A short name for a set of leaves, the same in every process: what is drawn once for all who hold just these."""
    return sha256(" ".join(sorted(held)).encode()).hexdigest()[:32]


def _pruned(groups: tuple[Group, ...], held: frozenset[str]) -> tuple[Group, ...]:
    """The groups with only the leaves held, and without those that hold none."""
    pruned = (replace(group, functions=tuple(f for f in group.functions if f.code in held)) for group in groups)
    return tuple(group for group in pruned if group.functions)
