"""Who has nothing to use is told what he lacks, and whoever gives him nothing is warned (M96, D7)."""

import pytest
from django.urls import reverse

from staff import functions
from staff.models import Membership
from tests import cast
from tests.staff.acting import address, do, identity
from tests.visitor import words

LEAF = "tax.invoice.issue"
RIGHTS = "在【企业人员维护】中点击您的【权限】，为您勾选权限身份"
TREE = "在【身份维护】中为您的权限身份勾选"


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.mark.rule("M96", "D7")
@pytest.mark.parametrize(("names", "way", "other"), [((), RIGHTS, TREE), (("空身份",), TREE, RIGHTS)])
def test_home_and_403_send_to_where_his_lack_is_mended(visitor, names, way, other):
    cast.membership("HC", "孙雅静").identities.set(identity(name) for name in names)
    visitor.sign_in_by_password("HC", "孙雅静")
    for answer in (visitor.get("/"), visitor.get(reverse("staff:function", args=[LEAF]))):
        assert way in words(answer)
        assert other not in words(answer)


@pytest.mark.rule("M96", "D7")
def test_who_has_an_identity_elsewhere_only_has_none_here(visitor):
    cast.membership("HC", "孙雅静").identities.clear()
    elsewhere = Membership.objects.create(taxpayer=cast.taxpayer("MH"), person=cast.person("孙雅静"))
    elsewhere.identities.add(identity("查询员", "MH"))
    visitor.sign_in_by_password("HC", "孙雅静")
    assert RIGHTS in words(visitor.get("/"))


@pytest.mark.rule("M96", "M26")
@pytest.mark.parametrize(
    ("names", "warning"),
    [
        ((), "孙*静没有权限身份：登录后没有功能可以用。请在【权限】中勾选权限身份。"),
        (("空身份",), "孙*静的权限身份没有勾选任何功能"),
        (("查询员", "空身份"), ""),
    ],
)
def test_rights_that_leave_nothing_to_use_are_warned_of(lead, names, warning):
    member = cast.membership("HC", "孙雅静")
    do(lead, "change_rights", member, identities=[str(identity(name).uid) for name in names], reviewed="yes")
    page = words(lead.get("/staff/"))
    assert (warning or "权限已修改") in page
    assert bool(warning) == ("登录后没有功能可以用" in page)


@pytest.mark.rule("M96", "M31")
@pytest.mark.parametrize("name", ["空身份", "查询员"])
def test_adding_with_an_empty_identity_is_warned_of(lead, name):
    query = {"name": "宋雨桐", "id_type": "resident", "id_number": cast.ID_NUMBERS["宋雨桐"]}
    page = lead.post("/staff/add/", query).content.decode()
    there = page.split('href="/staff/add/')[1].split('"')[0]
    data = {"password": "雨桐的第一个密码", "identities": [str(identity(name).uid)]}
    assert lead.post(f"/staff/add/{there}", data).url == "/staff/"
    warned = "宋*桐的权限身份没有勾选任何功能" in words(lead.get("/staff/"))
    assert warned == (name == "空身份")


@pytest.mark.rule("M96")
def test_who_holds_everything_is_told_of_no_lack(lead):
    assert len(functions.ALL) > 100
    assert "没有可以使用的功能" not in words(lead.get("/"))
    assert lead.get(address("member", cast.membership("HC", "孙雅静"))).status_code == 200
