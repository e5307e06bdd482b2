"""Settings of the staff list's benchmark: the portal's as a bureau runs them, and an admin site to compare with.

The embedded default's keys and files are kept (in the benchmark's own folder), its DEBUG is not: queries aren't logged,
templates aren't watched, static files are found by their manifest. The admin has an engine for its templates and a list
of middlewares of its own, as `startproject` writes them, so that neither page pays for the other's.
"""

from etax.settings import *  # noqa: F403 - settings are made of settings
from etax.settings import INSTALLED_APPS, TEMPLATES, VAR_DIR

DEBUG = False
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = False
STATIC_ROOT = str(VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}

ROOT_URLCONF = "staff_page_admin"
INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.admin"]
TEMPLATES = [
    *TEMPLATES,
    {
        "NAME": "admin",
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ADMIN_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
