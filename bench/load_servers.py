"""The servers of the load benchmark: PostgreSQL and Redis of its own, gunicorn with the portal or with the peer."""

import os
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from tests.faults.children import Child, free_port, run, wait_until  # noqa: E402
from tests.faults.servers import OWNER, Cluster, Redis, _binary  # noqa: E402

WORKERS = 2 * (os.cpu_count() or 1)


class Database(Cluster):
    """A cluster as a bureau would tune it for this machine, which counts its statements."""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(self.port)}
        options |= {"max_connections": "100", "shared_buffers": "512MB", "log_min_messages": "warning"}
        options |= {"max_wal_size": "4GB", "maintenance_work_mem": "256MB", "random_page_cost": "1.1"}
        options |= {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_utility": "off"}
        command = [_binary("postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.child = Child(command, self.log, user=OWNER, cwd=self.folder, env=self.env)
        wait_until(self._answers, 60, "PostgreSQL answers")

    def statements(self, database: str) -> int:
        """How many statements this database has run."""
        counted = "SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE datname = %s"
        return int(self.sql(counted, database)[0][0] or 0)


class Server:
    """gunicorn with sync workers, as deploy/ runs it."""

    def __init__(self, folder: Path, database: Database, redis: Redis, name: str, *, gateway: int, keys: Path) -> None:
        self.database, self.redis, self.name, self.port = database, redis, name, free_port()
        self.folder = folder
        is_peer = name == "peer"
        self.env = {
            **os.environ,
            "DATABASE_URL": database.url(name),
            "CACHE_URL": f"redis://127.0.0.1:{redis.port}/{1 if is_peer else 0}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "bench"), str(ROOT / "bench" / "peer")]),
            "DJANGO_SETTINGS_MODULE": "peer.settings" if is_peer else "load_settings",
            "VAR_DIR": str(keys),
            "BENCH_GATEWAY": f"http://user:secret@127.0.0.1:{gateway}/send",
            "PEER_MAIL": str(folder / "mail"),
            "DEBUG": "1",
            "HTTPS": "0",
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_TRIM_THRESHOLD_": "65536",
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        }
        self.application = "peer.wsgi" if is_peer else "etax.wsgi"
        self.child: Child | None = None

    def manage(self, *command: str) -> None:
        """One of the portal's commands."""
        run([sys.executable, "manage.py", *command], env=self.env, seconds=600)

    def start(self, workers: int = WORKERS) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py"), self.application]
        command += ["--bind", f"127.0.0.1:{self.port}", "--workers", str(workers), "--preload", "--backlog", "2048"]
        self.child = Child(command, self.folder / f"{self.name}.log", env=self.env)
        self.child.wait_for(self.port, 60)

    def stop(self) -> None:
        """End it."""
        if self.child is not None:
            self.child.end()
            self.child = None

    def megabytes(self) -> float:
        """What all of it holds in memory, what is shared counted once."""
        assert self.child is not None
        total = 0
        for each in self.child.family():
            try:
                total += each.memory_full_info().pss
            except psutil.Error:
                continue
        return total / 1e6

    def cpu(self) -> float:
        """Seconds of processor that workers, database and Redis have taken so far, together."""
        assert self.child is not None
        families = [*self.child.family(), *self.database.child.family(), *self.redis.child.family()]
        return sum(_cpu(each) for each in families)


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
