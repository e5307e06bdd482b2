"""《电子税务局办税用户注册凭证》: the one sheet of paper on which a first enterprise password stands (M79, D22)."""

import io
import string
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import segno
from django.utils import timezone
from django.utils.translation import gettext as _
from fpdf import FPDF

from etax.bureau import fonts

_SIMPLIFIED, _MONO = 2, 7
"""Which fonts of the collection: Noto Sans CJK SC, Noto Sans Mono CJK SC."""
_LEFT, _RIGHT, _WIDTH = 20, 190, 170
_BOX = 12.5
_BRAND, _INK, _MUTED = (13, 43, 87), (20, 33, 58), (74, 88, 114)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What stands on the sheet. Millimetres on A4; the QR code holds no password."""

    bureau: str
    title: str
    number: str
    code: str
    name: str
    kind: str
    handler: str
    officer: str
    made_at: datetime
    address: str
    is_social_insurance: bool
    password: str = field(repr=False)

    @property
    def qr_text(self) -> str:
        """Taxpayer number, number of the certificate, address of the portal; a line each."""
        return f"{self.code}\n{self.number}\n{self.address}"

    @property
    def notes(self) -> list[str]:
        """What to do with the sheet, numbered on paper."""
        first = (
            _("本密码为纯社保户登录密码，请在登录页面选择【企业登录】-【普通登录】使用。")
            if self.is_social_insurance
            else _(
                "本密码为企业登录密码的初始密码。请法定代表人（业主）或财务负责人在登录页面选择【企业登录】-【普通登录】首次登录，并按提示立即修改；修改前其他办税人员不能登录。"
            )
        )
        return [
            first,
            _("密码区分大写和小写；不含数字0、1，大写字母O、I和小写字母l等容易看错的字符。"),
            _("本凭证只打印一次，税务机关不保存密码，也无法查询。请当面核对并妥善保管，不要拍照外传。"),
            _("密码遗失的，请携带加盖公章的情况说明和经办人身份证件，到办税服务厅重置；重置后本凭证作废。"),
        ]

    @property
    def heading(self) -> str:
        """What the sheet is."""
        return _("电子税务局办税用户注册凭证")

    @property
    def captions(self) -> tuple[str, ...]:
        """Under the QR code, over the password, and where is signed and sealed."""
        return (
            _("扫码核对纳税人识别号和凭证编号（不含密码）"),
            _("企业登录密码（初始）"),
            _("经办人签字："),
            _("税务机关（盖章）："),
            _("日期："),
        )

    @property
    def words(self) -> str:
        """All that stands on the sheet but the password, for which of the font's signs are needed."""
        facts = [word for fact in self.facts for word in fact]
        numbers = "".join(f"{number}." for number, _note in enumerate(self.notes, 1))
        return "".join([self.bureau, self.heading, *self.captions, *facts, *self.notes, numbers])

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Label and value of each line of the table."""
        return [
            (_("纳税人识别号"), self.code),
            (_("纳税人名称"), self.name),
            (_("纳税人类型"), self.kind),
            (_("业务类型"), self.title),
            (_("凭证编号"), self.number),
            (_("开具时间"), f"{timezone.localtime(self.made_at):%Y-%m-%d %H:%M}"),
            (_("经办人"), self.handler),
            (_("经办税务人员"), self.officer),
            (_("电子税务局网址"), self.address),
        ]


def render(certificate: Certificate) -> bytes:
    """The sheet as PDF, one page; rare characters of names are kept, their font embedded."""
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(auto=False)
    _add_font(pdf, "sans", _face().cut(certificate.words))
    _add_font(pdf, "mono", _letters())
    pdf.set_title(certificate.heading)
    pdf.set_lang("zh-CN")
    pdf.set_margins(_LEFT, 18, 210 - _RIGHT)
    pdf.add_page()
    _head(pdf, certificate)
    _facts(pdf, certificate)
    _password(pdf, certificate)
    _notes(pdf, certificate)
    _signatures(pdf, certificate)
    return bytes(pdf.output())


@cache
def _face() -> fonts.Face:
    return fonts.Face(_SIMPLIFIED)


@cache
def _letters() -> bytes:
    """The font of the password, always the same: what is kept tells of no password which letters it had."""
    return fonts.Face(_MONO).cut(string.ascii_letters + string.digits)


def _add_font(pdf: FPDF, family: str, content: bytes) -> None:
    """Fonts are taken from files alone; the open file is read again when the sheet is put together."""
    with tempfile.NamedTemporaryFile(suffix=".ttf") as file:
        file.write(content)
        file.flush()
        pdf.add_font(family, fname=file.name)


def _head(pdf: FPDF, certificate: Certificate) -> None:
    pdf.set_fill_color(*_BRAND)
    pdf.rect(0, 0, 210, 6, style="F")
    pdf.set_text_color(*_MUTED)
    pdf.set_font("sans", size=12)
    pdf.set_y(17)
    pdf.cell(0, 8, certificate.bureau, align="C", new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(*_BRAND)
    pdf.set_font("sans", size=22)
    pdf.cell(0, 13, certificate.heading, align="C", new_x="LMARGIN", new_y="NEXT")


def _facts(pdf: FPDF, certificate: Certificate) -> None:
    """The table at the left, the QR code at its right."""
    top = pdf.get_y() + 6
    pdf.set_y(top)
    pdf.set_draw_color(213, 220, 232)
    for label, value in certificate.facts:
        pdf.set_text_color(*_MUTED)
        pdf.set_font("sans", size=10.5)
        pdf.cell(36, 9, label)
        pdf.set_text_color(*_INK)
        pdf.set_font("sans", size=12)
        pdf.multi_cell(88, 9, value, new_x="LMARGIN", new_y="NEXT", align="L")
        pdf.line(_LEFT, pdf.get_y(), _LEFT + 124, pdf.get_y())
    picture = io.BytesIO()
    segno.make(certificate.qr_text, error="m", micro=False).save(picture, kind="png", scale=8, border=4)
    pdf.image(picture, x=_RIGHT - 40, y=top, w=40)
    pdf.set_font("sans", size=9)
    pdf.set_text_color(*_MUTED)
    after = pdf.get_y()
    pdf.set_xy(_RIGHT - 40, top + 41)
    pdf.multi_cell(40, 5, certificate.captions[0], align="C")
    pdf.set_y(max(after, top + 56))


def _password(pdf: FPDF, certificate: Certificate) -> None:
    """One box a character, so that none is lost or doubled when it is read."""
    pdf.set_y(pdf.get_y() + 8)
    pdf.set_font("sans", size=12)
    pdf.set_text_color(*_INK)
    pdf.cell(0, 9, certificate.captions[1], align="C", new_x="LMARGIN", new_y="NEXT")
    left, top = 105 - len(certificate.password) * _BOX / 2, pdf.get_y() + 1
    pdf.set_draw_color(*_BRAND)
    pdf.set_font("mono", size=24)
    for place, character in enumerate(certificate.password):
        pdf.rect(left + place * _BOX, top, _BOX, 15)
        pdf.set_xy(left + place * _BOX, top)
        pdf.cell(_BOX, 15, character, align="C")
    pdf.set_y(top + 20)


def _notes(pdf: FPDF, certificate: Certificate) -> None:
    pdf.set_font("sans", size=10.5)
    pdf.set_text_color(*_INK)
    for number, text in enumerate(certificate.notes, 1):
        pdf.set_x(_LEFT)
        pdf.cell(7, 6.5, f"{number}.")
        pdf.multi_cell(_WIDTH - 7, 6.5, text, new_x="LMARGIN", new_y="NEXT", align="L")
        pdf.set_y(pdf.get_y() + 1.5)


def _signatures(pdf: FPDF, certificate: Certificate) -> None:
    handler, seal, day = certificate.captions[2:]
    pdf.set_draw_color(*_MUTED)
    pdf.set_text_color(*_MUTED)
    pdf.set_font("sans", size=11)
    pdf.set_y(252)
    for x, label in ((_LEFT, handler), (115, seal)):
        pdf.set_xy(x, 252)
        pdf.cell(70, 8, label)
        pdf.line(x, 268, x + 70, 268)
    pdf.set_xy(_LEFT, 271)
    pdf.cell(70, 8, day)
