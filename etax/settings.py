"""Settings of the portal, read from the environment or from a file `.env`.

Nothing has to be set for the embedded default: SQLite and everything else under `var/`, on the machine's own
address, with DEBUG on. With DEBUG off (a real bureau) the start refuses whatever would be unsafe: see `production.py`.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from etax import embedded, photo_storage, postgresql, production, sso_settings
from etax.embedded import gettext_noop

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=True)
# Where the embedded default is served, as its stand-ins of other systems must know.
PORT = env.int("PORT", default=8000)
# Where the embedded default keeps its database, keys and messages; in production only the hash slots' lock files.
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

# Set by `wsgi.py`: this process answers requests, so that it may not wait long for anything.
SERVING = env.bool("SERVING", default=False)

# --- Keys. Each secret has one purpose, so that each can be changed alone. -------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default=embedded.secret(VAR_DIR, "secret_key") if DEBUG else "")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# The family of ciphers that seals and hashes: international (AES, SHA-256) or guomi (SM4, SM3). Both are read.
CIPHERS = env.str("CIPHERS", default="international")
# `name:base64` of 32 bytes each, the first is the one that seals; the others still open.
SEALING_KEYS = env.list("SEALING_KEYS", default=embedded.keyring(VAR_DIR, "sealing_key") if DEBUG else [])
# The keys of the look-up hashes, apart from the sealing keys (D33).
LOOKUP_KEYS = env.list("LOOKUP_KEYS", default=embedded.keyring(VAR_DIR, "lookup_key") if DEBUG else [])

# --- Addresses -------------------------------------------------------------------------------------------------------
# With DEBUG on, the portal answers on the machine's own address alone: the simulated phone shows codes to anybody.
ALLOWED_HOSTS = embedded.LOOPBACK if DEBUG else env.list("ALLOWED_HOSTS", default=[])
# The hosts on which /bureau/ exists: in a real bureau none of the public ones (security.md CFG-05).
BUREAU_HOSTS = env.list("BUREAU_HOSTS", default=["*"] if DEBUG else [])
# The portal's public address as certificates print it; empty: the host that the officer uses.
PORTAL_URL = env.str("PORTAL_URL", default="")
# How many proxies in front of us may be believed about the visitor's address (security.md CFG-04).
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
SECURE = env.bool("HTTPS", default=not DEBUG)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

ROOT_URLCONF = "etax.urls"
WSGI_APPLICATION = "etax.wsgi.application"

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_ratelimit",
    "accounts",
    "realname",
    "staff",
    "agencies",
    "etax",
]

# The order is the order of a request: who asks, in what capacity, may he, is anything due first (architecture.md).
MIDDLEWARE = [
    "etax.middleware.RequestMiddleware",
    "etax.middleware.LanguageMiddleware",
    "etax.middleware.PolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "etax.middleware.ErrorPageMiddleware",
    "etax.health.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "etax.bureau.middleware.BureauHostMiddleware",
    "etax.middleware.SlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.ActorMiddleware",
    "staff.middleware.CapacityMiddleware",
    "etax.bureau.middleware.OfficerMiddleware",
    "agencies.middleware.ClientMiddleware",
    "etax.middleware.StaleFormMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "staff.middleware.MustChangePasswordMiddleware",
    "staff.middleware.MustChooseCapacityMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "etax.context_processors.portal",
            ],
            "builtins": ["etax.template_tags"],
        },
    }
]

# --- Data ------------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;",
    }
else:
    DATABASES["default"]["ENGINE"] = "etax.postgresql"
    # What the address itself says comes first, as `?sslmode=verify-full`.
    DATABASES["default"]["OPTIONS"] = postgresql.options(serving=SERVING) | DATABASES["default"].get("OPTIONS", {})
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHE_URL = env.str("CACHE_URL", default="")
# The package names other clients as supported; what it needs, an atomic increment, Django's own has as well.
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.W001"]
if CACHE_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": CACHE_URL,
            "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    # LocMem loses counts across processes; it is allowed for the one process of the embedded default only:
    # `production.py` refuses to start without Redis.
    SILENCED_SYSTEM_CHECKS += ["django_ratelimit.E003"]

# Parts of pages that are alike for many: each process draws them once and keeps them itself. Nothing is lost with them.
CACHES["fragments"] = {
    "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    "LOCATION": "fragments",
    "OPTIONS": {"MAX_ENTRIES": 1000},
}

# --- Who asks --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["accounts.backends.PersonBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = ["accounts.hashers.Argon2idHasher"]
# How many of whom may wait for a hash slot in one process before the next gets 503 (PW-03).
HASH_SLOTS = env.int("HASH_SLOTS", default=os.cpu_count() or 1)
HASH_QUEUE = env.int("HASH_QUEUE", default=100)
HASH_WAIT_SECONDS = env.float("HASH_WAIT_SECONDS", default=8.0)
PASSWORD_POLICY = env.str("PASSWORD_POLICY", default="modern")

SESSION_ENGINE = "accounts.sessions"
# Longer than a sign-in may last, so that the portal, not a missing session, says why it is over.
SESSION_COOKIE_AGE = 9 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_HTTPONLY = True
DEFAULT_EXCEPTION_REPORTER = "etax.faults.FaultKeeper"
CSRF_FAILURE_VIEW = "etax.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Messages to phones ----------------------------------------------------------------------------------------------
SMS_URL = env.str("SMS_URL", default=f"file://{VAR_DIR / 'sms.jsonl'}" if DEBUG else "")
# Asked when the first gateway is down, or declines a message.
SMS_FALLBACK_URL = env.str("SMS_FALLBACK_URL", default="")
# For services that send by template, by service: the sign name, and the template of each kind of message, as JSON.
SMS_SIGNS: dict[str, str] = env.json("SMS_SIGNS", default={})
SMS_TEMPLATES: dict[str, dict[str, str]] = env.json("SMS_TEMPLATES", default={})
# Messages of every kind that may go in a day.
SMS_DAILY_BUDGET = env.int("SMS_DAILY_BUDGET", default=300_000)
SMS_TIMEOUT_SECONDS = env.float("SMS_TIMEOUT_SECONDS", default=5.0)
# In each language if the catalogues have it, as they have the default's; else as it stands.
BUREAU_NAME = env.str("BUREAU_NAME", default=gettext_noop("辽宁省电子税务局"))

# --- Neighbouring systems --------------------------------------------------------------------------------------------
# Where a payer of social insurance only is handed over to (D17); the embedded default carries a stand-in.
SOCIAL_INSURANCE_URL = env.str("SOCIAL_INSURANCE_URL", default="")
SOCIAL_INSURANCE_SECRET = env.str("SOCIAL_INSURANCE_SECRET", default="")
# `name:hash` of each system that may check a 申报密码; the hash is SHA-256 in hex of its secret (D24).
DECLARATION_CLIENTS = env.list("DECLARATION_CLIENTS", default=[embedded.client(VAR_DIR)] if DEBUG else [])
# Single sign-on for those systems: the extra `sso`, and an RSA key in a PEM file. The embedded default makes its own
# key, and its stand-ins of two systems use it.
SSO_KEY_FILE = env.str("SSO_KEY_FILE", default="")
SSO = env.bool("SSO", default=find_spec("oauth2_provider") is not None and (DEBUG or bool(SSO_KEY_FILE)))
# `SYSTEM=https://…` for each downstream system of the function tree.
_stand_ins = {name: f"/demo/system/{name.lower()}/" for name in ("DECLARATION", "SOCIAL_INSURANCE")}
DOWNSTREAM_URLS = env.dict("DOWNSTREAM_URLS", default=_stand_ins if DEBUG and SSO else {})
if SSO:
    INSTALLED_APPS.append("oauth2_provider")
    MIDDLEWARE.insert(MIDDLEWARE.index("accounts.middleware.ActorMiddleware"), "etax.sso.middleware.LeavingMiddleware")
    _key = Path(SSO_KEY_FILE).read_text() if SSO_KEY_FILE else embedded.signing_key(VAR_DIR) if DEBUG else ""
    OAUTH2_PROVIDER = sso_settings.toolkit(_key, portal_url=PORTAL_URL, allows_http=DEBUG)

# --- Words and figures -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
# Each in its own words: whoever looks for his language must know it when he sees it.
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["etax.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Shanghai")

# --- Static files ----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.str("STATIC_ROOT", default=str(VAR_DIR / "static"))
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False
_static = "etax.static_storage.RememberingStorage"

# --- Pictures: sealed, outside the web root, readable for the portal's own account alone (FIL-04) ---------------------
# `s3://key:secret@host/bucket?region=…` for a store that all web nodes share; else a folder (the extra `s3`).
PHOTO_URL = env.str("PHOTO_URL", default="")
PHOTO_ROOT = env.str("PHOTO_ROOT", default=str(VAR_DIR / "photos"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else _static},
    "photos": photo_storage.storage(PHOTO_URL, PHOTO_ROOT),
}
# Who judges a 实名采集 before an officer does: `realname.verifiers.PictureAssist` needs the extras `ocr` and `face`.
REAL_NAME_VERIFIER = env.str("REAL_NAME_VERIFIER", default="realname.verifiers.OfficerDecides")

# --- What a page may do in the browser -------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = SECURE and env.bool("SSL_REDIRECT", default=True)
# Asked on the machine itself, without nginx in between.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A form's target may redirect a payer of social insurance only to the neighbouring system, and nowhere else.
_handover = urlsplit(SOCIAL_INSURANCE_URL)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "media-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF, f"{_handover.scheme}://{_handover.netloc}"] if _handover.netloc else [SELF],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("accelerometer", "camera", "display-capture", "geolocation", "microphone", "payment", "usb")
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 400
DATA_UPLOAD_MAX_NUMBER_FILES = 4
# Where a file may be sent, and the longest body there: more than a picture may have, so that the form can say so. It
# is kept in memory: a picture of somebody's face or document never lies in clear on a disk.
UPLOAD_PREFIXES = ("/realname/", "/staff/changes/")
UPLOAD_MAX_BYTES = 8 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = UPLOAD_MAX_BYTES

# --- The log: to the standard error, where systemd takes it -----------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", default="line" if DEBUG else "json")
# One line for each request, besides nginx's.
LOG_REQUESTS = env.bool("LOG_REQUESTS", default=not DEBUG)
# Only the one in use is named to the logging package: lines of JSON need what the embedded default does without.
_FORMATTERS: dict[str, dict[str, str]] = {
    "line": {
        "()": "etax.logs.LineFormatter",
        "format": "{asctime} {levelname} {name} [{request_id}] {message}",
        "style": "{",
    },
    "json": {"()": "etax.json_logs.JsonLineFormatter"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "etax.logs.RequestIdFilter"}},
    "formatters": {LOG_FORMAT: _FORMATTERS[LOG_FORMAT]},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["request_id"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # They tell which characters a printed page holds; one of them prints passwords (LOG-05).
        "fontTools": {"level": "ERROR"},
        "fpdf": {"level": "ERROR"},
        # They would write down numbers, codes and signatures, which the kits of SMS services put into addresses.
        "urllib3": {"level": "INFO"},
        "tencentcloud_sdk_common": {"level": "ERROR"},
    },
}

if not DEBUG:
    production.refuse_unsafe(globals())
