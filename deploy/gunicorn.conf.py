"""gunicorn behind nginx, on the machine's own address: `gunicorn -c deploy/gunicorn.conf.py etax.wsgi`."""

import gc
import importlib
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
# Sync workers: threads were erratic with connections that browsers keep, and a request here is short. Hashing, which is
# what costs, has its own slots (HASH_SLOTS), so that more workers than cores wait rather than compute. With one more a
# hundred sign-ins at once took no less time, and 35 MB more.
worker_class = "sync"
workers = int(os.environ.get("WEB_WORKERS", str(2 * multiprocessing.cpu_count())))
backlog = 512

# A request ends by itself within 5 s, or within 8 s and a hash where it waits for a slot; what takes longer is stuck.
timeout = 30
graceful_timeout = 15
# nginx keeps the connections to browsers; between nginx and a sync worker each request has its own.
keepalive = 0
# Workers are replaced now and then, and not all at once.
max_requests = 5_000
max_requests_jitter = 1_000
# The heartbeat's file: on a disk that is full or slow it would get healthy workers killed.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory # nosec B108

# Who may say by a header that the visitor came by https: nginx on this machine. Headers with underscores, which could
# pass for its own, are dropped (CFG-04).
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
header_map = "drop"
forwarder_headers = ""
limit_request_line = 4_094
limit_request_fields = 60
limit_request_field_size = 8_190

# nginx writes the log of requests, the portal its own line for each.
accesslog = None
errorlog = "-"
control_socket_disable = True
proc_name = "etax"


def on_starting(server: object) -> None:
    """Refuse to serve the embedded default, which shows codes on its pages; settings refuse the rest themselves."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etax.settings")
    from django.conf import settings

    if settings.DEBUG:
        sys.exit("DEBUG is on: that is the embedded default, for `manage.py runserver` on one's own machine")
    _empty_metrics()


def when_ready(server: Any) -> None:
    """With `--preload` everything is loaded by now, once for all workers: leave it where they can share it."""
    if server.cfg.preload_app:
        from django.template import engines

        portal = engines["django"]
        for folder in portal.engine.dirs:
            for file in Path(folder).rglob("*.html"):
                portal.get_template(str(file.relative_to(folder)))
        _load_what_the_first_request_would(portal.engine)
        _keep_for_good()


def _load_what_the_first_request_would(engine: Any) -> None:
    """Words of all languages, hasher, cache's client: else each worker loads its own copy, 10 MB of it."""
    from django.conf import settings
    from django.utils import translation

    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            translation.gettext("")
    processors = [path.rpartition(".")[0] for path in engine.context_processors]
    caches = ["redis"] if settings.CACHES["default"]["BACKEND"].endswith("RedisCache") else []
    for module in ("argon2.low_level", *processors, *caches):
        importlib.import_module(module)


def post_worker_init(worker: object) -> None:
    """What this worker has loaded it keeps; its collector needn't go through that again and again."""
    _keep_for_good()


def _keep_for_good() -> None:
    """Out of the garbage collector's sight: what is there neither costs time nor is written to, and so copied."""
    gc.collect()
    gc.freeze()


def _empty_metrics() -> None:
    """Figures of workers of an earlier start count no more."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for old in Path(folder).glob("*.db"):
            old.unlink(missing_ok=True)


def child_exit(server: object, worker: object) -> None:
    """A worker that ended has no requests under way any more; what it counted stays."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)
