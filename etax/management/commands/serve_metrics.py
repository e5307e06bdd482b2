"""The command `manage.py serve_metrics`."""

import os
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from prometheus_client import start_http_server

from etax import figures

ADDRESS = "127.0.0.1"
"""Nobody outside this machine reads figures: its own Prometheus, or an agent, collects them."""


class Command(BaseCommand):
    """Shows the figures of this node to Prometheus, in a process of its own: it answers when every worker is busy."""

    help = "Serve figures for Prometheus on 127.0.0.1."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where it listens."""
        parser.add_argument("--port", type=int, default=9464)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGTERM or SIGINT."""
        over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: over.set())
        shown = figures.registry(of_workers=bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR")))
        server, thread = start_http_server(options["port"], addr=ADDRESS, registry=shown)
        self.stdout.write(f"http://{ADDRESS}:{server.server_port}/metrics")
        self.stdout.flush()
        over.wait()
        server.shutdown()
        thread.join()
