"""Settings of the load benchmark: the portal's as a bureau runs them, behind one proxy that names the visitor.

As in production but for https, which nginx would bear: the gateway is a stand-in on the loopback and speaks http.
"""

import os

from etax.settings import *  # noqa: F403 - settings are made of settings
from etax.settings import VAR_DIR

DEBUG = False
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = False
STATIC_ROOT = str(VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "etax.static_storage.RememberingStorage"},
    "photos": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(VAR_DIR)}},
}
TRUSTED_PROXIES = 1
SMS_URL = os.environ.get("BENCH_GATEWAY", "http://user:secret@127.0.0.1:9/send")
LOGGING = {**globals()["LOGGING"], "root": {"handlers": ["console"], "level": "WARNING"}}
