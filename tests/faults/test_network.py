"""No way out and no name service: F28. The rig starts itself anew in a network of its own, where only lo is up."""

import json
import os
import shutil
import sys

import pytest

from tests.faults.children import run

pytestmark = pytest.mark.fault
INSIDE = "FAULTS_WITHOUT_NETWORK"
PAGES = ("/", "/login/", "/login/person/", "/login/agency/", "/help/", "/forgotten/", "/register/", "/realname/new/")
SIGNED_IN = ("/", "/staff/", "/account/", "/account/profile/", "/staff/operations/", "/account/sign-ins/")
LONGEST = 1.0


@pytest.mark.rule("F28", "REL-01")
@pytest.mark.fault("F28", "no page waits for any host outside", seconds=400)
def test_no_page_waits_for_a_host_outside(request, seen):
    if os.environ.get(INSIDE):
        told = walk(request.getfixturevalue("bureau"))
        sys.__stdout__.write(f"\nTOLD {json.dumps(told)}\n")
        return
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("a network of its own needs root, unshare and ip")
    node = request.node.nodeid
    command = f"ip link set lo up && exec {sys.executable} -m pytest -n0 -q -s -m fault '{node}'"
    said = run(["unshare", "-n", "--", "sh", "-c", command], env={**os.environ, INSIDE: "1"}, seconds=390)
    told = json.loads(said.partition("TOLD ")[2].partition("\n")[0])
    slowest = max(told, key=lambda path: told[path][1])
    seen(pages=len(told), slowest=f"{slowest} {told[slowest][1]:.2f} s")
    assert {status for status, _seconds in told.values()} <= {200, 302}
    assert told[slowest][1] <= LONGEST


def walk(bureau) -> dict[str, tuple[int, float]]:
    """Every page's status and seconds, where nothing but this machine can be reached; the gateway has only a name."""
    told = {}
    with bureau.open(SMS_URL="https://user:secret@gateway.example/send") as portal:
        for worker_warms in range(8):
            portal.browser().get(PAGES[worker_warms % len(PAGES)])
        visitor, inside = portal.browser(), portal.browser()
        assert inside.sign_in_by_password("钱思远").location == "/"
        for browser, paths in ((visitor, PAGES), (inside, SIGNED_IN)):
            for path in paths:
                answer = browser.get(path)
                told[f"{'signed in ' if browser is inside else ''}{path}"] = (answer.status, answer.seconds)
        asking = portal.browser()
        asking.go_to_verify("林若兰")
        sent = asking.ask_for_code()
        told["获取验证码"] = (sent.status, sent.seconds)
        handed = portal.browser().give_enterprise_password("CG")
        told["转入社保费征收系统"] = (handed.status, handed.seconds)
    return told
