"""Settings of the enumeration benchmark: the portal's as a bureau runs them, behind one proxy that names the visitor.

Every try comes from an address of its own, so that the limits by address, which stay as they are, don't end the run.
"""

import os

from etax.settings import *  # noqa: F403 - settings are made of settings
from etax.settings import VAR_DIR

DEBUG = False
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = False
STATIC_ROOT = str(VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
TRUSTED_PROXIES = 1
SMS_URL = os.environ["BENCH_GATEWAY"]
