"""Two hundred addresses that scanners ask every server for: none of them answers anything (CFG-05)."""

import re
from itertools import product

import pytest
from django.conf import settings as portal

_NAMES = {
    "/.": "env env.local env.production git/HEAD git/config git/index gitignore svn/entries hg/store htaccess htpasswd "
    "DS_Store dockerenv docker/config.json aws/credentials ssh/id_rsa npmrc vscode/settings.json idea/workspace.xml "
    "bash_history well-known/security.txt well-known/openid-configuration.bak ci/run python-version coverage",
    "/": "manage.py requirements.txt requirements-dev.txt pyproject.toml Makefile README.md Dockerfile compose.yaml "
    "docker-compose.yml package.json composer.json web.config config.php config.json config.yml settings.py local.py "
    "db.sqlite3 database.sql dump.sql backup.sql backup.zip backup.tar.gz etax.dump site.tar.gz www.zip test.php "
    "phpinfo.php info.php index.php wp-login.php wp-config.php xmlrpc.php adminer.php crossdomain.xml "
    "clientaccesspolicy.xml "
    "server-status server-info nginx_status stub_status metrics prometheus actuator actuator/env "
    "actuator/health health "
    "healthcheck status version debug console trace heapdump env swagger.json swagger-ui.html openapi.json api api/v1 "
    "graphql graphiql admin admin/login administrator django-admin phpmyadmin pma jenkins manager/html solr/admin/ "
    "login.php cgi-bin/test cgi-bin/luci shell cmd.jsp upload upload.php uploads files download export import old new "
    "test tests dev staging tmp temp logs log error.log access.log debug.log var/log/syslog proc/self/environ "
    "etc/passwd "
    "sitemap.xml.bak robots.txt.bak favicon.ico.bak telescope horizon _profiler __debug__ silk flower celery rq "
    "socket.io ws remote/login vpn owa autodiscover/autodiscover.xml HNAP1 boaform/admin/formLogin GponForm/diag_Form",
    "/static/": ". .. .htaccess admin/ admin/css/base.css css/ js/ css/base.css.map js/portal.js.map staticfiles.json "
    "css/base.css~ css/base.css.bak .git/HEAD ../manage.py ../etax/settings.py %2e%2e/manage.py ..%2fmanage.py "
    "%252e%252e/manage.py ..;/manage.py //etc/passwd",
    "/var/": "db.sqlite3 sms.jsonl secret_key sealing_key lookup_key photos photos/ static slots/0 declaration_client",
    "/media/": ". photos/ avatar.png",
    "/etax/": "settings.py urls.py wsgi.py",
    "/accounts/": "models.py login/ migrations/",
    "/deploy/": "nginx.conf .env .env.example",
    "/realname/photos/": ". 1 ../../var/db.sqlite3",
}
PATHS = [prefix + name for prefix, names in _NAMES.items() for name in names.split()]
_MORE = [
    f"/{name}{end}" for name, end in product(("backup", "db", "www", "portal", "etax"), (".zip", ".tar", ".7z", ".rar"))
]
INSIDE = re.compile(
    r"Index of|urlpatterns|Traceback|SECRET|BEGIN [A-Z ]*KEY|sqlite format|\[core\]|root:x:", re.IGNORECASE
)


@pytest.mark.rule("CFG-05")
def test_the_list_is_as_long_as_it_says():
    assert len({*PATHS, *_MORE}) >= 200


@pytest.mark.rule("CFG-05")
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "no debug"])
def test_none_of_them_answers_anything(visitor, settings, debug):
    settings.DEBUG, settings.BUREAU_HOSTS = debug, []
    visitor.raise_request_exception = False
    answered = {}
    for path in (*PATHS, *_MORE):
        answer = visitor.get(path, REMOTE_ADDR="203.0.113.7")
        text = answer.content.decode(errors="replace")
        if answer.status_code != 404 or INSIDE.search(text) or portal.SECRET_KEY in text:
            answered[path] = answer.status_code
    assert answered == {}


@pytest.mark.rule("CFG-05")
@pytest.mark.parametrize(
    "method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "PUT", "DELETE", "PATCH", "DEBUG", "MKCOL"]
)
def test_no_page_takes_a_method_that_it_has_no_use_for(visitor, method):
    visitor.raise_request_exception = False
    for where in ("/login/", "/agreement/", "/help/"):
        answer = visitor.generic(method, where, HTTP_X_CANARY="canary")
        assert answer.status_code in (403, 405), where
        assert b"canary" not in answer.content
