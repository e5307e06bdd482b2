"""Who plays in the tests: the people and firms of the demo world by name, and their passwords, never written twice.

The look-ups read the database, so the demo world (or the rows asked for) must be loaded: `etax.demo.load()`.
"""

from accounts.models import Person, Taxpayer
from etax import demo
from staff.models import Membership

ENTERPRISE_PASSWORDS: dict[str, str] = {row.key: row.password for row in demo.FIRMS}
"""By firm key: `ENTERPRISE_PASSWORDS["HC"]`."""
PERSONAL_PASSWORDS: dict[tuple[str, str], str] = {(m.firm, m.name): m.password for m in demo.MEMBERS if m.password}
"""By firm key and name: `PERSONAL_PASSWORDS["HC", "钱思远"]`; whoever has none yet isn't in it."""
NATURAL_PASSWORDS: dict[str, str] = {row.name: row.password for row in demo.PEOPLE if row.password}
"""By name, for whoever has an account of his own: `NATURAL_PASSWORDS["孙雅静"]`, the two officers among them."""
USERNAMES: dict[str, str] = {row.name: row.username for row in demo.PEOPLE if row.username}
"""用户注册名 by name."""
PHONES: dict[str, str] = {row.name: row.phone for row in demo.PEOPLE}
"""The phone in the demo's table by name: the real-name phone of whoever is collected."""
CODES: dict[str, str] = {row.key: row.code for row in demo.FIRMS}
"""纳税人识别号 by firm key."""
ID_NUMBERS: dict[str, str] = {row.name: row.id_number for row in demo.PEOPLE}
"""身份证件号码 by name."""


def person(name: str) -> Person:
    """The person of the demo with this name. KeyError for a name it doesn't have."""
    return demo.person(name)


def taxpayer(key: str) -> Taxpayer:
    """The taxpayer of the demo with this key: YF, HC, MH, BC, CG, XD or HX. KeyError for another."""
    return demo.taxpayer(key)


def membership(key: str, name: str) -> Membership:
    """The open membership of a person in a firm. DoesNotExist where he has none."""
    return Membership.objects.open().get(taxpayer=taxpayer(key), person=person(name))
