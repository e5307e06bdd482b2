"""docs/operation.md, tried: its commands are run as they stand there, on a cluster of its own (F21, F23)."""

import getpass
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import deploy_check
from tests.deploy.node import free_port
from tests.rehearse.page import commands

BIN = Path(os.environ.get("POSTGRESQL_BIN", "/usr/lib/postgresql/15/bin"))

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(not os.environ.get("TEST_REHEARSES"), reason="takes minutes: `make rehearse`"),
]


class Cluster:
    """A PostgreSQL of our own, under the account that may run one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.data, self.backups = folder / "data", folder / "backups"
        self.as_whom = ["runuser", "-u", "postgres", "--"] if getpass.getuser() == "root" else []
        keys = deploy_check.environment(str(folder))
        self.env = {
            "PATH": f"{BIN}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "BACKUPS": str(self.backups),
            "RESTORED": str(folder / "restored"),
            "RESTORED_PORT": str(free_port()),
            "VAR_DIR": str(folder / "var"),
            "SEALING_KEYS": keys["SEALING_KEYS"],
            "LOOKUP_KEYS": keys["LOOKUP_KEYS"],
            "SECRET_KEY": keys["SECRET_KEY"],
            "DATABASE_URL": self.url("etax"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def url(self, database: str, port: int | str = 0) -> str:
        return f"postgres://postgres@127.0.0.1:{port or self.port}/{database}"

    @property
    def as_owner(self) -> str:
        """The database as the role that owns the tables."""
        return self.url("etax").replace("postgres@", "etax_owner@")

    @property
    def as_portal(self) -> str:
        """The database as the portal's own role."""
        return self.url("etax").replace("postgres@", "etax@")

    def run(self, script: str, *, as_server: bool = False, **changed: str) -> str:
        """What a script prints; the first command of it that fails ends it. Root may run no server."""
        done = subprocess.run(
            [*(self.as_whom if as_server else ()), "bash", "-euo", "pipefail", "-c", script],
            cwd=deploy_check.ROOT,
            env=self.env | changed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def start(self) -> None:
        for folder in (self.data, self.backups, self.backups / "wal", self.folder / "var"):
            folder.mkdir()
        if self.as_whom:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, "postgres", "postgres")
        archive = f"archive_command = 'cp %p {self.backups}/wal/%f'"
        self.run(
            f"initdb -D {self.data} -A trust -U postgres >/dev/null\n"
            f'printf "%s\\n" "wal_level = replica" "archive_mode = on" "{archive}" >> {self.data}/postgresql.conf\n'
            f"pg_ctl -D {self.data} -o '-p {self.port} -k /tmp' -l {self.folder}/log -w start >/dev/null",
            as_server=True,
        )

    def stop(self, data: Path) -> None:
        if (data / "postmaster.pid").exists():
            self.run(f"pg_ctl -D {data} -m immediate stop >/dev/null", as_server=True)

    def counts(self, database: str = "etax", port: int | str = 0) -> Mapping[str, int]:
        """How many rows each table of the portal holds."""
        code = (
            "from django.apps import apps\n"
            "for m in apps.get_models(include_auto_created=True):\n"
            "    print(m._meta.label, m._base_manager.count())"
        )
        told = self.run(f"python manage.py shell -v0 -c '{code}'", DATABASE_URL=self.url(database, port))
        return dict(line.rsplit(" ", 1) for line in told.splitlines() if line.count(" ") == 1)


# Older than the ten minutes that the chain waits for.
ENTRY = (
    "from datetime import timedelta; from django.utils import timezone; from accounts.models import AuditEntry, Person;"
    "AuditEntry.objects.create(kind='sign_in', person=Person.objects.first(), at=timezone.now() - timedelta(hours=1))"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster with the roles of the page and the demo world in it."""
    folder = Path(tempfile.mkdtemp(prefix="etax-rehearsal-"))  # pytest's own folders are closed to other accounts
    made = Cluster(folder)
    try:
        made.start()
        made.run(commands("roles"))
        made.run(f"{commands('migrate')} --verbosity 0\npython manage.py partition_record", DATABASE_URL=made.as_owner)
        made.run(commands("record"))
        made.run("python manage.py demo", DATABASE_URL=made.as_portal)
        made.run(f'python manage.py shell -v0 -c "{ENTRY}"', DATABASE_URL=made.as_portal)
        yield made
    finally:
        for data in (made.data, Path(made.env["RESTORED"])):
            made.stop(data)
        shutil.rmtree(folder)


@pytest.mark.rule("LOG-03")
def test_the_portals_role_writes_the_record_and_can_do_nothing_else_to_it(cluster):
    assert int(cluster.run("psql -d etax -U etax -Atc 'SELECT count(*) FROM accounts_auditentry'")) > 0
    for statement in (
        "DELETE FROM accounts_auditentry",
        "UPDATE accounts_auditentry SET reason = ''",
        "UPDATE accounts_auditentry_other SET reason = ''",
        "DELETE FROM accounts_auditentry_other",
        "TRUNCATE accounts_auditentry",
        "DROP TABLE accounts_auditentry_other",
        "DROP TRIGGER accounts_auditentry_append_only ON accounts_auditentry",
        "ALTER TABLE accounts_auditentry DETACH PARTITION accounts_auditentry_other",
    ):
        told = cluster.run(f'psql -d etax -U etax -c "{statement}" 2>&1 || true')
        assert re.search("permission denied|must be owner", told), (statement, told)
    assert "made: none" in cluster.run("python manage.py partition_record", DATABASE_URL=cluster.as_portal)


@pytest.mark.rule("F23", "LOG-03")
def test_a_restored_dump_holds_as_many_rows_and_its_record_verifies(cluster):
    cluster.run(commands("dump"))
    before = cluster.counts()
    told = cluster.run(commands("restore"))
    assert "the record is whole" in told
    assert cluster.counts("etax_restored") == before
    assert int(before["accounts.AuditEntry"]) > 0
    refused = cluster.run("psql -d etax_restored -c 'DELETE FROM accounts_auditentry' 2>&1 || true")
    assert "append-only" in refused


@pytest.mark.rule("F23")
def test_a_moment_can_be_restored(cluster):
    cluster.run(commands("base"), as_server=True)
    before = cluster.counts()
    moment = cluster.run("psql -d etax -Atc 'SELECT clock_timestamp()'").strip()
    cluster.run("psql -d etax -qc 'TRUNCATE realname_post CASCADE'")
    cluster.run("psql -d etax -Atc 'SELECT pg_switch_wal()' && sleep 2")
    cluster.run(commands("moment"), as_server=True, MOMENT=moment)
    assert cluster.counts("etax", cluster.env["RESTORED_PORT"]) == before
    assert int(cluster.counts()["realname.Post"]) == 0


@pytest.mark.rule("F21")
def test_the_migration_command_finds_nothing_to_do_and_gives_up_where_somebody_holds_a_table(cluster):
    assert "No migrations to apply" in cluster.run(commands("migrate"))
    hold = 'psql -d etax -qc "BEGIN; LOCK TABLE accounts_throttle; SELECT pg_sleep(3)" >/dev/null & sleep 1\n'
    alter = 'psql -d etax -c "ALTER TABLE accounts_throttle ADD COLUMN x int" 2>&1 || true\nwait'
    assert "lock timeout" in cluster.run(hold + alter, PGOPTIONS="-c lock_timeout=400ms")


@pytest.mark.rule("F25", "CRY-01")
def test_after_the_rotation_everything_is_read_by_the_new_keys_alone(cluster):
    fresh = deploy_check.environment(str(cluster.folder))
    keys = {name: fresh[name].replace("a1:", "b2:") for name in ("SEALING_KEYS", "LOOKUP_KEYS")}
    both = {name: f"{keys[name]},{cluster.env[name]}" for name in keys}
    cluster.run(commands("keys"), **both)
    code = "from accounts.models import Person; print(len([p.id_number for p in Person.objects.all()]))"
    assert int(cluster.run(f"python manage.py shell -v0 -c '{code}'", **keys).split()[-1]) > 0
