"""代理机构登录: number and password of the agency, the handler, then the client (M49 to M52).

The second step is that of 普通登录, with its code: only its pages' addresses and words differ (D4, D23).
"""

from django.utils.translation import gettext_lazy as _

from accounts.flows import Flow, Step
from accounts.steps import LineStep, line
from staff.doors import Door
from staff.standing import Standing

FLOW = Flow(
    "agency",
    (
        Step("agencies:agency_login", "taxpayer"),
        Step("agencies:agency_person", "person"),
        Step("agencies:agency_sms", "proof"),
        Step("agencies:agency_new_password", "own_password"),
    ),
    signs_in=True,
)
_LINE = (_("机构密码"), _("待办人员"), _("委托企业"))


def steps_at(current: int) -> list[LineStep]:
    """The progress line at its step `current`, counted from 0; the third is the list of clients."""
    return line(_LINE, current)


DOOR = Door(
    FLOW,
    Standing.problem_at_sign_in,
    opens_first=True,
    other_way="agencies:agency_password",
    send="agencies:agency_send_code",
    line=steps_at,
    verifies_at=1,
    inside="agencies:clients",
)
