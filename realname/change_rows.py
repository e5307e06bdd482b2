"""The rows of the form 财务负责人变更: what must stand in them, and what must be deleted from them (M139 to M145)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import numbers
from realname.models import Post


class Row(models.TextChoices):
    """A row of the form 财务负责人变更: one column of the register, before and after (M139, M140)."""

    NAME = "name", gettext_lazy("姓名")
    ID_TYPE = "id_type", gettext_lazy("身份证件种类")
    ID_NUMBER = "id_number", gettext_lazy("身份证件号码")
    MOBILE = "mobile", gettext_lazy("移动电话")
    LANDLINE = "landline", gettext_lazy("固定电话")
    EMAIL = "email", gettext_lazy("电子邮箱")


TOGETHER = (Row.NAME, Row.ID_TYPE, Row.ID_NUMBER, Row.MOBILE)
"""What changes together, or not at all (M144)."""


@dataclass(frozen=True, slots=True)
class Details:
    """What the register holds of somebody, or shall hold; numbers are folded."""

    name: str = ""
    id_type: str = ""
    id_number: str = ""
    mobile: str = ""
    landline: str = ""
    email: str = ""

    def of(self, row: Row) -> str:
        """The content of one row."""
        return str(getattr(self, row.value))


def details_of(post: Post | None) -> Details:
    """What the register holds of this post; it knows no e-mail address, and of no post nothing."""
    if post is None:
        return Details()
    person = post.person
    return Details(
        name=person.name,
        id_type=person.id_type,
        id_number=person.id_number,
        mobile=numbers.fold(post.mobile),
        landline=numbers.fold(post.landline),
    )


def unchanged(before: Details, after: Details, rows: Collection[Row]) -> list[Row]:
    """The rows that say the same before and after, or nothing, and so must be deleted before saving (M139, M140).

    A row of what changes together that was left empty isn't among them: there something is missing (M144).
    """
    return [row for row in Row if row in rows and _is_unchanged(row, before.of(row), after.of(row))]


def _is_unchanged(row: Row, before: str, after: str) -> bool:
    return after == before if after else row not in TOGETHER


def check(before: Details, after: Details, rows: Collection[Row]) -> None:
    """Refuse rows that change nothing, a mere change of phone, and half a change of person (M139 to M145)."""
    same = unchanged(before, after, rows)
    given = {row for row in rows if after.of(row) and row not in same}
    needed = {row for row in TOGETHER if row is not Row.ID_TYPE or not before.id_type}
    if Row.MOBILE in given and not given & {Row.NAME, Row.ID_TYPE, Row.ID_NUMBER}:
        text = _("只变更手机号码的，不在此办理，请通过个人信息维护变更：【我的账户】-【个人信息】。")
        raise ValidationError(text, code="phone_only")
    if missing := [row for row in Row if row in needed - given]:
        text = _("财务负责人姓名、身份证件种类、身份证件号码、移动电话必须同时变更，还缺少：%(rows)s。")
        raise ValidationError(text, code="must_change_together", params={"rows": _named(missing)})
    if same:
        text = _("以下各行变更前后相同：%(names)s。请删除这些行后再保存。")
        raise ValidationError(text, code="unchanged_rows", params={"names": _named(same), "rows": same})


def _named(rows: Collection[Row]) -> str:
    return _("、").join(str(row.label) for row in rows)
