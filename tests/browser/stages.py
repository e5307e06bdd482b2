"""States that no address alone shows: steps half gone, forms with errors of their own, lists that are empty.

Each brings its visitor there by real pages and shows what he sees; nothing needs to be undone but by the test.
"""

import re
from collections.abc import Callable
from html import unescape

from django.urls import reverse

from accounts import passwords
from agencies.models import ClientGroup
from realname import changes, misuse
from tests import cast
from tests.agencies import acting as agency
from tests.browser.eyes import Eyes
from tests.etax import officers
from tests.realname import asking, cards, collecting
from tests.staff.acting import actor, as_himself, settle_yunfan, to
from tests.visitor import Visitor

FINANCE = reverse("staff:change_finance")
NEW = "雅静的第九座大桥"
ALL: list[Callable[[Eyes], None]] = []


def stage(act: Callable[[Eyes], None]) -> Callable[[Eyes], None]:
    """Mark what the crawl walks through."""
    ALL.append(act)
    return act


def later(visitor: Visitor) -> None:
    """A minute later, as far as codes to phones go."""
    collecting.wait_a_minute()


def see(eyes: Eyes, url_name: str, *args: object, note: str = "") -> str:
    """Look at the page of a name."""
    where = reverse(url_name, args=args)
    return eyes.look_at(where, f"stage/{url_name.replace(':', '-')}{note}")


def send(eyes: Eyes, url_name: str, data: dict, *args: object, note: str, picture: bool = False) -> str:
    """Send a form and look at what comes back."""
    where = reverse(url_name, args=args)
    post = eyes.visitor.post_with_picture if picture else eyes.visitor.post
    return eyes.show(post(where, data, follow=True), where, f"stage/{url_name.replace(':', '-')}{note}")


@stage
def ordinary_first(eyes: Eyes) -> None:
    """沈阳云帆's first sign-in, wrong tries and phones that no code can be sent to among it (M14, M88, M92)."""
    visitor = eyes.visitor
    data = {"code": cast.CODES["YF"], "password": "falsch", "agreement": "on"}
    send(eyes, "login", data, note="-wrong", picture=True)
    visitor.give_enterprise_password("YF")
    see(eyes, "staff:choose_person", note="-first")
    visitor.choose("赵铁柱")
    see(eyes, "staff:verify_by_sms", note="-landline")
    visitor.choose("王晓敏")
    see(eyes, "staff:verify_by_sms")
    send(eyes, "staff:verify_by_password", {"password": "x"}, note="-none-set")
    send(eyes, "staff:send_code", {}, note="")
    send(eyes, "staff:verify_by_sms", {"code": "000000"}, note="-wrong")
    visitor.post(reverse("staff:verify_by_sms"), {"code": visitor.code_on(cast.PHONES["王晓敏"])})
    see(eyes, "staff:set_password")
    send(eyes, "staff:set_password", {"new_password": "111111", "confirm_password": "1"}, note="-wrong")
    visitor.set_password(NEW)
    see(eyes, "home", note="-after-first")
    see(eyes, "staff:identities", note="-none")
    see(eyes, "staff:members", note="-few")
    see(eyes, "staff:operations", note="-few")
    see(eyes, "agencies:recognitions", note="-none")


@stage
def ordinary_later(eyes: Eyes) -> None:
    """沈阳海川: the frozen, those whose phones differ, wrong passwords (M63, M91, M95)."""
    visitor = eyes.visitor
    visitor.give_enterprise_password("HC")
    chosen = {"person": str(cast.person("黄志强").uid)}
    send(eyes, "staff:choose_person", chosen, note="-frozen")
    visitor.choose("沈小燕")
    see(eyes, "staff:verify_by_sms", note="-differ")
    visitor.choose("钱思远")
    see(eyes, "staff:verify_by_password")
    send(eyes, "staff:verify_by_password", {"password": cast.ENTERPRISE_PASSWORDS["HC"]}, note="-wrong")


@stage
def quick(eyes: Eyes) -> None:
    """快捷登录 up to the code (M45, M46)."""
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    eyes.visitor.post_with_picture(reverse("staff:quick_login"), data)
    eyes.visitor.post(reverse("staff:quick_person"), {"person": str(cast.person("林若兰").uid)})
    see(eyes, "staff:quick_code")
    send(eyes, "staff:send_quick_code", {"phone": "1"}, note="-wrong")
    send(eyes, "staff:send_quick_code", {"phone": cast.PHONES["林若兰"]}, note="")
    send(eyes, "staff:quick_code", {"code": "000000"}, note="-wrong")


@stage
def strangers(eyes: Eyes) -> None:
    """自然人短信登录, 注册, 忘记密码: the pages behind the first (M47, M84, M133)."""
    visitor, name = eyes.visitor, "孙雅静"
    phone = {"phone": cast.PHONES["钱思远"]}
    who = {"name": "钱思远", "id_type": "resident", "id_number": cast.ID_NUMBERS["钱思远"], "agreement": "on", **phone}
    send(eyes, "staff:natural_sms", {"username": "sunyajing", "agreement": "on"}, note="-code", picture=True)
    send(eyes, "staff:natural_sms_code", {"code": "000000"}, note="-wrong")
    later(visitor)
    send(eyes, "staff:register", who, note="-code", picture=True)
    visitor.post(reverse("staff:register_code"), {"code": visitor.code_on(cast.PHONES["钱思远"])})
    send(eyes, "staff:register_account", {"username": "1", "new_password": "1"}, note="-wrong")
    later(visitor)
    firm = {"code": cast.CODES["HC"], **phone}
    send(eyes, "staff:forgotten_enterprise", firm, note="-code", picture=True)
    visitor.post(reverse("staff:forgotten_enterprise_code"), {"code": visitor.code_on(cast.PHONES["钱思远"])})
    see(eyes, "staff:forgotten_enterprise_password")
    later(visitor)
    account = {"username": cast.USERNAMES[name], "phone": cast.PHONES[name]}
    send(eyes, "staff:forgotten_person", account, note="-code", picture=True)
    visitor.post(reverse("staff:forgotten_person_code"), {"code": visitor.code_on(cast.PHONES[name])})
    send(eyes, "staff:forgotten_person_password", {"new_password": "1"}, note="-wrong")


@stage
def collection(eyes: Eyes) -> None:
    """实名采集 from the first page to the last, with pictures that are none (M86)."""
    visitor = eyes.visitor
    collecting.tell_who(visitor)
    see(eyes, "realname:collect_code")
    send(eyes, "realname:collect_code", {"code": "000000"}, note="-wrong")
    collecting.prove_phone(visitor, cast.PHONES[collecting.NAME])
    see(eyes, "realname:consent")
    send(eyes, "realname:consent", {}, note="-empty")
    collecting.agree(visitor)
    see(eyes, "realname:card_front")
    none = {"photo": cards.upload(b"GIF89a no picture")}
    send(eyes, "realname:card_front", none, note="-wrong")
    collecting.send_photo(visitor, "card_front")
    see(eyes, "realname:card_back")
    collecting.send_photo(visitor, "card_back")
    see(eyes, "realname:details")
    send(eyes, "realname:details", {"valid_until": "2001-01-01"}, note="-wrong")
    collecting.fill_in(visitor)
    see(eyes, "realname:face")
    collecting.send_photo(visitor, "face")
    see(eyes, "realname:result")


@stage
def own_centre(eyes: Eyes) -> None:
    """个人中心 of 孙雅静 after a code: numbers, phone, posts, 非本人任职, 切换身份 (M145, D16, D35)."""
    visitor = eyes.visitor
    settle_yunfan()
    as_himself(visitor, "孙雅静")
    see(eyes, "staff:step_up")
    send(eyes, "staff:send_step_up_code", {}, note="")
    send(eyes, "staff:step_up", {"code": "000000"}, note="-wrong")
    visitor.post(reverse("staff:step_up"), {"code": visitor.code_on(cast.PHONES["孙雅静"])})
    send(eyes, "staff:show_own_id_number", {}, note="")
    send(eyes, "staff:change_phone", {"phone": "13900001234"}, note="-code", picture=True)
    see(eyes, "staff:confirm_new_phone")
    visitor.post(reverse("staff:confirm_new_phone"), {"code": visitor.code_on("13900001234")})
    see(eyes, "staff:confirm_old_phone")
    see(eyes, "staff:leave_post", cast.taxpayer("HC").uid)
    see(eyes, "staff:report_misuse", cast.taxpayer("HC").uid)
    send(eyes, "staff:report_misuse", {"statement": ""}, cast.taxpayer("HC").uid, note="-empty")
    eyes.look_at(to(cast.taxpayer("YF").uid), "stage/staff-switch")
    send(eyes, "staff:switch", {"password": "x"}, cast.taxpayer("YF").uid, note="-wrong")
    visitor.post(to(cast.taxpayer("YF").uid), {"password": cast.ENTERPRISE_PASSWORDS["YF"]})
    see(eyes, "home", note="-switched")


@stage
def staff_acts(eyes: Eyes) -> None:
    """企业人员维护: identities with a tree, adding a clerk, acts that are refused, lists that find nothing."""
    visitor = eyes.visitor
    visitor.sign_in_by_sms("HC", "钱思远")
    ticked = {"name": "申报专员", "description": "只报税", "functions": ["query.record.operations"]}
    send(eyes, "staff:review_new_identity", ticked, note="")
    send(eyes, "staff:review_new_identity", {"name": "空的"}, note="-none-ticked")
    who = {"name": "宋雨桐", "id_type": "resident", "id_number": cast.ID_NUMBERS["宋雨桐"]}
    found = send(eyes, "staff:search_candidate", who, note="-found")
    send(eyes, "staff:search_candidate", {**who, "name": "无名氏"}, note="-none")
    there = unescape(re.search(r'href="(/staff/add/[^"]{20,}/)"', found)[1])
    eyes.look_at(there, "stage/staff-add_member")
    eyes.show(visitor.post(there, {"password": "1"}), there, "stage/staff-add_member-wrong")
    for name in ("黄志强", "何晨曦", "董佳慧", "林若兰", "沈小燕", "马文涛"):
        member = cast.membership("HC", name)
        see(eyes, "staff:member", member.uid, note=f"-{name}")
    see(eyes, "staff:unfreeze", cast.membership("HC", "黄志强").uid)
    see(eyes, "staff:remove", cast.membership("HC", "孙雅静").uid)
    see(eyes, "staff:freeze", cast.membership("HC", "孙雅静").uid, note="-clerk")
    see(eyes, "staff:reset_password", cast.membership("HC", "孙雅静").uid, note="-clerk")
    send(eyes, "staff:show_phone", {}, cast.membership("HC", "孙雅静").uid, note="")
    for where in ("/staff/?name=无名氏", "/staff/operations/?since=2001-01-01&until=2001-01-02"):
        eyes.look_at(where, f"stage/{where[1:-1].split('?')[0].replace('/', '-')}none")


@stage
def register_changes(eyes: Eyes) -> None:
    """变更税务登记: errors, a request that waits, one returned, one approved (M139 to M143)."""
    visitor = eyes.visitor
    visitor.sign_in_by_sms("HC", "钱思远")
    song = asking.SONG
    rows = [row.value for row in type(next(iter(asking.CHANGED)))]
    typed = {"name": song.name, "id_type": "resident", "id_number": song.id_number, "mobile": song.mobile}
    send(eyes, "staff:change_finance", {**typed, "rows": rows}, note="-unchanged")
    send(eyes, "staff:add_clerk", {**typed, "id_number": "1"}, note="-wrong")
    request = asking.ask_for_finance(actor("HC", "钱思远"))
    see(eyes, "staff:change", request.uid, note="-pending")
    see(eyes, "staff:change_finance", note="-blocked")
    changes.return_(request, str(changes.NO_DOCUMENT), by=asking.officer())
    see(eyes, "staff:change", request.uid, note="-returned")
    see(eyes, "home", note="-returned")
    changes.withdraw(request, by=actor("HC", "钱思远"))
    request = asking.ask_for_finance(actor("HC", "钱思远"))
    changes.approve(request, by=asking.officer())
    see(eyes, "staff:change", request.uid, note="-approved")
    see(eyes, "staff:changes", note="-some")
    see(eyes, "staff:synchronise", note="-some")


@stage
def declaration(eyes: Eyes) -> None:
    """申报密码 shown, and set anew (M125, M117)."""
    visitor, phone = eyes.visitor, cast.PHONES["钱思远"]
    visitor.sign_in_by_sms("HC", "钱思远")
    collecting.wait_a_minute()
    visitor.post(reverse("staff:declaration"), {"show": "on"})
    send(eyes, "staff:declaration_code", {"code": "000000"}, note="-wrong")
    send(eyes, "staff:declaration_code", {"code": visitor.code_on(phone)}, note="-shown")
    send(eyes, "staff:reset_declaration_password", {"new_password": "1"}, cast.taxpayer("HC").uid, note="-wrong")


@stage
def client(eyes: Eyes) -> None:
    """代理机构认定管理 of 沈阳海川 (M53)."""
    visitor = eyes.visitor
    visitor.sign_in_by_sms("HC", "钱思远")
    eyes.look_at("/agencies/recognitions/find/?search=辽宁", "stage/agencies-find_agency-some")
    pending = agency.engagement("HC", "HX")
    see(eyes, "agencies:recognition", pending.uid, note="-pending")
    see(eyes, "agencies:decline", pending.uid)
    data = {
        "identity": str(agency.identity("HC", "查询员").uid),
        "valid_from": "2030-01-01",
        "valid_until": "2031-01-01",
    }
    send(eyes, "agencies:review_recognition", data, cast.taxpayer("HX").uid, note="")


@stage
def agency_lead(eyes: Eyes) -> None:
    """冯天宇 of 辽宁信达: the door, requests, handlers, groups, what was done for clients (M49 to M52)."""
    visitor = eyes.visitor
    agency.agency_password(visitor)
    agency.choose(visitor, "冯天宇")
    see(eyes, "agencies:agency_sms")
    see(eyes, "agencies:agency_password")
    send(eyes, "agencies:agency_password", {"password": "x"}, note="-wrong")
    send(eyes, "agencies:agency_send_code", {}, note="")
    visitor.post(reverse("agencies:agency_sms"), {"code": visitor.code_on(cast.PHONES["冯天宇"])})
    for page in ("home", "agencies:clients", "agencies:engagements", "agencies:propose", "agencies:groups"):
        see(eyes, page, note="-agency")
    mine = agency.engagement("HC")
    for page in ("agencies:engagement", "agencies:handlers"):
        see(eyes, page, mine.uid)
    see(eyes, "agencies:acted")
    send(eyes, "agencies:propose", {"code": "1"}, note="-wrong")
    send(eyes, "agencies:groups", {"name": "重点企业"}, note="-some")
    group = ClientGroup.objects.get(name="重点企业")
    for page in ("agencies:rename_group", "agencies:delete_group"):
        see(eyes, page, group.uid)
    eyes.look_at(f"/agencies/engagements/together/?engagement={mine.uid}", "stage/agencies-together")
    eyes.look_at("/agencies/clients/?search=无", "stage/agencies-clients-none")


@stage
def acting(eyes: Eyes) -> None:
    """罗建平 acts for 大连明湖; what isn't lent is refused (D23)."""
    agency.act_for(eyes.visitor, "罗建平", "MH")
    see(eyes, "home", note="-acting")
    see(eyes, "agencies:clients", note="-acting")
    see(eyes, "staff:change_password", note="-refused")
    see(eyes, "staff:function", "tax.invoice.issue", note="-refused")


@stage
def first_password(eyes: Eyes) -> None:
    """A lead whose firm still has the password of the certificate (D22)."""
    credential = cast.taxpayer("HC").credential
    credential.must_change = True
    credential.save()
    eyes.visitor.sign_in_by_sms("HC", "钱思远")
    see(eyes, "home", note="-printed")


@stage
def reset_state(eyes: Eyes) -> None:
    """孙雅静 in the 111111 state, after a code: the one page that is open (D10)."""
    visitor = eyes.visitor
    passwords.reset(cast.membership("HC", "孙雅静").credential)
    visitor.go_to_verify("HC", "孙雅静")
    visitor.verify_by_sms(cast.PHONES["孙雅静"])
    see(eyes, "home", note="-reset")


@stage
def reviewing(eyes: Eyes) -> None:
    """高明远 has a collection, a change and a case before him (M142, D25, D26, D35)."""
    waiting = collecting.sent_in(Visitor(eyes.visitor.messages))
    request = asking.ask_for_finance(actor("HC", "钱思远"))
    himself = actor("HC", "孙雅静")
    case = misuse.report(cast.taxpayer("HC"), statement="我从未在该企业工作。", by=himself)
    officers.sign_in(eyes.visitor, officers.REVIEWER)
    for page in ("index", "reviews", "waiting_changes", "waiting_misuse"):
        see(eyes, f"bureau:{page}", note="-reviewer")
    for page in ("collection", "approve_collection", "return_collection"):
        see(eyes, f"bureau:{page}", waiting.uid)
    send(eyes, "bureau:return_collection", {"reason": ""}, waiting.uid, note="-empty")
    for page in ("change", "approve_change", "return_change"):
        see(eyes, f"bureau:{page}", request.uid)
    see(eyes, "bureau:decide_misuse", case.uid)
    send(eyes, "bureau:show_collection", {}, waiting.uid, note="-full")


@stage
def counter(eyes: Eyes) -> None:
    """顾前程 at the counter: the second step of his door, what he finds and doesn't, a collection (M83, D22)."""
    visitor = eyes.visitor
    officers.give_password(visitor)
    see(eyes, "bureau:code")
    send(eyes, "bureau:code", {"code": "000000"}, note="-wrong")
    officers.give_code(visitor)
    send(eyes, "bureau:find_taxpayer", {"code": "1"}, note="-wrong")
    see(eyes, "bureau:taxpayer", cast.taxpayer("BC").uid, note="-BC")
    see(eyes, "bureau:person", cast.person("周文博").uid, note="-none")
    name = collecting.NAME
    who = {"name": name, "id_type": "resident", "id_number": cast.ID_NUMBERS[name], "phone": cast.PHONES[name]}
    send(eyes, "bureau:collect", who, note="-code")
    eyes.look_at("/bureau/accounts/person/?q=无名氏", "stage/bureau-person-none")
    eyes.look_at("/bureau/nothing/", "stage/bureau-404")


@stage
def troubles(eyes: Eyes) -> None:
    """Pages of errors (CFG-06)."""
    eyes.look_at("/nothing/", "stage/error-404")
    eyes.look_at("/logout/", "stage/error-405")
    eyes.look_at("/demo/social-insurance/", "stage/error-ticket")
    eyes.look_at("/help/?q=没有这个词", "stage/help-none")
    eyes.look_at("/help/?q=我的账户", "stage/help-some")
    firm = {"code": cast.CODES["CG"], "password": cast.ENTERPRISE_PASSWORDS["CG"], "agreement": "on"}
    handed_over = eyes.visitor.post_with_picture(reverse("login"), firm, follow=True)
    eyes.show(handed_over, "/demo/social-insurance/", "stage/social-insurance")
    data = {"code": cast.CODES["HC"], "password": "falsch", "agreement": "on"}
    eyes.visitor.post_with_picture(reverse("login"), data)
    send(eyes, "staff:natural_login", {"username": "a" * 300, "agreement": "on"}, note="-wrong", picture=True)
