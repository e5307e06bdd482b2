"""What a reviewer is shown of a collection or a change request: masked, or in full where that was recorded (D27)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts import numbers
from accounts.words import Words
from etax.bureau.views.acts import Fact, about_taxpayer
from realname import collecting
from realname.change_rows import Details, Row, details_of
from realname.models import ChangeKind, ChangeRequest, Collection

_NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the register, before and after."""

    label: Words
    before: Words
    after: Words

    @property
    def is_changed(self) -> bool:
        """Whether the register shall hold something else."""
        return self.before != self.after


def in_minutes(at: datetime | None) -> str:
    """2026-01-31 09:30."""
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else _NOTHING


def facts_of_collection(asked: Collection, *, in_full: bool = False) -> list[Fact]:
    """Who he says he is, by which document and phone, and under which name the bureau knows the document (M16)."""
    name, number, phone = asked.name, asked.id_number, asked.phone
    document = numbers.IdType(asked.id_type).label
    facts = [
        Fact(_("采集方式"), asked.get_way_display()),
        Fact(_("姓名"), name if in_full else asked.masked_name),
        Fact(document, number if in_full else asked.masked_id_number),
        Fact(_("证件有效期至"), date_format(asked.valid_until) if asked.valid_until else _("长期")),
        Fact(_("手机号码"), phone if in_full else asked.masked_phone),
        Fact(_("提交时间"), in_minutes(asked.submitted_at)),
    ]
    if asked.former_id_number:
        former = asked.former_id_number if in_full else numbers.mask_id_number(asked.former_id_number)
        facts.insert(3, Fact(_("原身份证件"), f"{numbers.IdType(asked.former_id_type).label} {former}"))
    if asked.finding:
        facts.append(Fact(_("系统检测"), asked.finding))
    return [*facts, *_other_name(asked, in_full=in_full), *_decided(asked)]


def _other_name(asked: Collection, *, in_full: bool) -> list[Fact]:
    found = collecting.mismatch(asked) if asked.is_waiting else None
    if found is None:
        return []
    return [Fact(_("系统登记的姓名"), found.known if in_full else numbers.mask_name(found.known))]


def _decided(asked: Collection | ChangeRequest) -> list[Fact]:
    if asked.decided_at is None:
        return []
    by = asked.decided_by.masked_name if asked.decided_by else _("系统")
    decided = [Fact(_("审核人"), by), Fact(_("审核时间"), in_minutes(asked.decided_at))]
    return [*decided, Fact(_("原因"), asked.reason)] if asked.reason else decided


def facts_of_change(asked: ChangeRequest) -> list[Fact]:
    """Which firm asks for what, and who sent it."""
    sent = [Fact(_("提交人"), asked.submitted_by.masked_name), Fact(_("提交时间"), in_minutes(asked.submitted_at))]
    return [*about_taxpayer(asked.taxpayer), *sent, *_decided(asked)]


def lines_of(asked: ChangeRequest, *, in_full: bool = False) -> list[Line]:
    """What the register holds now, and shall hold: an open request speaks of today's register."""
    before, after = details_of(asked.post), _after(asked)
    ends = asked.kind == ChangeKind.CLERK_ENDED
    rows = [row for row in Row if before.of(row) or after.of(row)]
    lines = [Line(row.label, _shown(before, row, in_full), _shown(after, row, in_full)) for row in rows]
    return [*lines, Line(_("任职"), _("在任"), _("批准之日终止"))] if ends else lines


def _after(asked: ChangeRequest) -> Details:
    """What the register shall hold; what was left out of the form stays as it is (M140)."""
    before = details_of(asked.post)
    asks = Details(**{row.value: getattr(asked, row.value) for row in Row})
    match ChangeKind(asked.kind):
        case ChangeKind.CLERK_ENDED:
            return before
        case ChangeKind.PHONES_CHANGED:
            kept = {row.value: before.of(row) for row in Row}
            return Details(**{**kept, "mobile": asks.mobile, "landline": asks.landline})
        case ChangeKind.FINANCE_CHANGED:
            return Details(**{row.value: asks.of(row) or before.of(row) for row in Row})
        case ChangeKind.CLERK_ADDED:
            return asks


def _shown(details: Details, row: Row, in_full: bool) -> Words:
    text = details.of(row)
    if not text:
        return _NOTHING
    if row is Row.ID_TYPE:
        return numbers.IdType(text).label
    if in_full:
        return text
    return _masked(text, row)


def _masked(text: str, row: Row) -> str:
    match row:
        case Row.NAME:
            return numbers.mask_name(text)
        case Row.ID_NUMBER:
            return numbers.mask_id_number(text)
        case Row.EMAIL:
            return numbers.mask_email(text)
        case _:
            return numbers.mask_phone(text)
