"""What the database refuses of single sign-on, and that the portal starts and works without the extra."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import SignIn
from accounts.models.signins import Proof
from etax.models import ConnectedSystem, SystemVisit
from tests import cast
from tests.etax import in_production

ROOT = Path(__file__).resolve().parent.parent.parent


def a_system(**changed) -> ConnectedSystem:
    """A system that the database takes."""
    return ConnectedSystem.objects.create(**{"system": "credit", "client_id": "c", **changed})


def a_visit(**changed) -> SystemVisit:
    """A visit that the database takes."""
    sign_in = SignIn.objects.create(person=cast.person("孙雅静"), proof=Proof.PERSON_SMS)
    connected = ConnectedSystem.objects.filter(system="credit").first() or a_system()
    usual = {"sign_in": sign_in, "connected": connected, "code_hash": "a", "issuer": "https://portal.example/sso"}
    return SystemVisit.objects.create(**usual | changed)


CASES = {
    "connected_system_is_known": lambda: a_system(system="tea"),
    "connected_system_has_a_client": lambda: a_system(client_id=""),
    "system_visit_has_a_code": lambda: a_visit(code_hash=""),
    "system_visit_token_is_another": lambda: a_visit(token_hash="a"),
    "system_visit_told_after_start": lambda: a_visit(told_at=timezone.now() - timedelta(hours=1)),
    "system_visit_left_after_start": lambda: a_visit(left_at=timezone.now() - timedelta(hours=1)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_database_refuses_what_a_constraint_forbids(world, name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        CASES[name]()
    a_visit(token_hash="b")  # and takes what is right


def test_every_constraint_has_a_case():
    named = {each.name for model in apps.get_app_config("etax").get_models() for each in model._meta.constraints}
    assert named == set(CASES)


@pytest.mark.parametrize("changed", [{"code_hash": "a"}, {"code_hash": "c", "token_hash": "b"}], ids=["code", "token"])
def test_one_code_and_one_token_stand_for_one_visit(world, changed):
    a_visit(token_hash="b")
    with pytest.raises(IntegrityError), transaction.atomic():
        a_visit(**changed)


def test_nothing_outside_its_package_imports_the_toolkit():
    found = []
    for file in ROOT.glob("*/**/*.py"):
        floor = file.relative_to(ROOT).parts
        if floor[0] not in ("accounts", "realname", "staff", "agencies", "etax") or floor[:2] == ("etax", "sso"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")]
            found += [str(file) for name in names if str(name).startswith(("oauth2_provider", "jwcrypto"))]
    assert found == []


def test_without_the_extra_the_portal_starts_and_has_none_of_its_addresses():
    code = (
        "import django; django.setup(); from django.conf import settings; from django.urls import get_resolver;"
        "names = sorted(map(str, get_resolver().namespace_dict));"
        "print(settings.SSO, settings.DOWNSTREAM_URLS, 'oauth2_provider' in settings.INSTALLED_APPS, names)"
    )
    done = in_production.run(["-c", code], DJANGO_SETTINGS_MODULE="etax.settings", DEBUG="on", SSO="off")
    assert done.stdout.startswith("False {} False"), done.stderr
    assert "oauth2_provider" not in done.stdout
