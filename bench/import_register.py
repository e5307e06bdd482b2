"""How fast the tax register comes in, and in how much memory: `python bench/import_register.py [--posts 100000]`.

A made-up register of N/10 and of N posts (with their firms and people, check digits right) is imported into an empty
database of its own, each in a process of its own, so that its memory is that import's. Flat memory shows as a ratio
near 1. The larger file is then imported once more: everything must be unchanged. With `--interrupt` the smaller file
is imported by the command, killed in the middle, and resumed: the end must be the same. The database is SQLite in a
temporary folder; with `--database [URL]` a temporary database on that PostgreSQL server. Both are removed in the end.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
MOST_POSTS = 5_000_000
POSTS_OF_A_FIRM = 5
LONGEST_RUN_SECONDS = 3600
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"

CSV_COLUMNS = [
    "record",
    "code",
    "name",
    "kind",
    "id_type",
    "id_number",
    "position",
    "mobile",
    "landline",
    "since",
    "until",
]

Record = dict[str, dict[str, str]]


def firm_code(serial: int) -> str:
    """A credit code with the right GB 11714 and GB 32100 check characters."""
    stem = f"{serial:08d}"
    weighed = sum(int(c) * w for c, w in zip(stem, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    code = "91210102" + stem + "0123456789X0"[11 - weighed % 11]
    return code + ALPHABET[-sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code)) % 31]


def id_number(serial: int) -> str:
    """A resident number with the right GB 11643 check character."""
    born = date(1950, 1, 1) + timedelta(days=serial // 999)
    number = f"210102{born:%Y%m%d}{serial % 999 + 1:03d}"
    return number + "10X98765432"[sum(int(c) * pow(2, 17 - i, 11) for i, c in enumerate(number)) % 11]


def records(posts: int, posts_of_a_firm: int = POSTS_OF_A_FIRM) -> Iterator[Record]:
    """All firms, all people, all posts: one LR, one FR and clerks for each firm, two posts or three a person."""
    firms, people = -(-posts // posts_of_a_firm), max(10, posts * 2 // 5)
    for serial in range(firms):
        yield {"taxpayer": {"code": firm_code(serial), "name": f"沈阳第{serial}商贸有限公司", "kind": "enterprise"}}
    for serial in range(people):
        yield {"person": {"name": f"张{serial}", "id_type": "resident", "id_number": id_number(serial)}}
    for serial in range(posts):
        firm, seat = divmod(serial, posts_of_a_firm)
        fields = {"taxpayer": firm_code(firm), "id_type": "resident", "id_number": id_number(serial * 7919 % people)}
        fields["position"] = ("legal_rep", "finance", "clerk", "clerk", "clerk")[seat]
        fields |= {"mobile": f"199{serial % 100_000_000:08d}", "landline": "", "since": "2020-01-05", "until": ""}
        yield {"post": fields}


def write_register(path: Path, posts: int, posts_of_a_firm: int = POSTS_OF_A_FIRM) -> None:
    """The register as JSON Lines, or as CSV if the file's name says so."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, CSV_COLUMNS, restval="")
        if path.suffix == ".csv":
            table.writeheader()
        for record in records(posts, posts_of_a_firm):
            if path.suffix == ".csv":
                [(kind, fields)] = record.items()
                table.writerow({"record": kind} | {k.replace("taxpayer", "code"): v for k, v in fields.items()})
            else:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _most_megabytes() -> float:
    """The most that this program has held; getrusage would tell of the one that started it, where that holds more."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def import_here(path: Path, batch_size: int, *, debug: bool) -> None:
    """In the child: import the file and print the figures as one line of JSON."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "etax.settings"
    import django

    django.setup()
    from django.conf import settings

    from realname.register import import_register
    from realname.register_lines import RegisterReader

    settings.DEBUG = debug
    started = time.perf_counter()
    with path.open("rb") as stream:
        result = import_register(RegisterReader(stream, as_csv=path.suffix == ".csv"), batch_size=batch_size)
    tallies = [(t.added, t.changed, t.unchanged) for t in (result.taxpayers, result.people, result.posts)]
    figures = {
        "seconds": time.perf_counter() - started,
        "lines": sum(map(sum, tallies)) + result.bad,
        "megabytes": _most_megabytes(),
        "posts": tallies[2],
        "bad": result.bad,
        "changes_nothing": result.changes_nothing,
    }
    print(json.dumps(figures))


@contextmanager
def empty_database(folder: Path, server: str | None, name: str) -> Iterator[dict[str, str]]:
    """The environment of a portal whose database is new and has its tables; it is dropped afterwards."""
    url = f"sqlite:///{folder / name}.sqlite3"
    if server:
        url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        on_server(server, f'CREATE DATABASE "{name}"')
    try:
        environment = {**os.environ, "VAR_DIR": str(folder), "DATABASE_URL": url}
        subprocess.run(
            [sys.executable, ROOT / "manage.py", "migrate", "--verbosity=0"], env=environment, cwd=ROOT, check=True
        )
        yield environment
    finally:
        if server:
            on_server(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def on_server(server: str, statement: str) -> None:
    """One statement outside any transaction."""
    import psycopg

    with psycopg.connect(urlunsplit(urlsplit(server)._replace(scheme="postgresql")), autocommit=True) as connection:
        connection.execute(statement)


def run(path: Path, environment: dict[str, str], options: argparse.Namespace, title: str) -> dict[str, Any]:
    """One import in a process of its own; its figures, printed as well."""
    command = [sys.executable, __file__, "--child", str(path), "--batch-size", str(options.batch_size)]
    command += ["--debug"] if options.debug else []
    done = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=LONGEST_RUN_SECONDS
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    speed = figures["lines"] / figures["seconds"]
    added, changed, unchanged = figures["posts"]
    print(
        f"{title:<12} {figures['lines']:>9,} lines {figures['seconds']:>8.1f} s {speed:>8,.0f} lines/s "
        f"{figures['megabytes']:>7.1f} MB   posts +{added:,} ~{changed:,} ={unchanged:,}, bad {figures['bad']:,}",
        flush=True,
    )
    return figures


def interrupt(path: Path, folder: Path, options: argparse.Namespace, whole: dict[str, Any]) -> bool:
    """Kill the command in the middle of the file, resume it; whether both together did all that one run does."""
    with empty_database(folder, options.database, f"etax_bench_{os.getpid()}_killed") as environment:
        command = [sys.executable, ROOT / "manage.py", "import_register", str(path), "--verbosity=0"]
        first = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        while first.poll() is None and _noted(folder) < path.stat().st_size // 2:
            time.sleep(0.02)
        first.kill()
        first.wait()
        stopped = _noted(folder)
        started = time.perf_counter()
        subprocess.run([*command, "--resume"], env=environment, cwd=ROOT, check=True, timeout=LONGEST_RUN_SECONDS)
        print(f"killed at {stopped / path.stat().st_size:.0%}, resumed in {time.perf_counter() - started:.1f} s")
        again = run(path, environment, options, "once more")
    return bool(stopped and again["changes_nothing"] and again["lines"] == whole["lines"])


def _noted(folder: Path) -> int:
    """How many bytes the checkpoint says are done."""
    for note in (folder / "imports").glob("*.json"):
        try:
            return int(json.loads(note.read_text())["byte"])
        except (OSError, ValueError):
            return 0
    return 0


def compare(options: argparse.Namespace) -> bool:
    """Import N/10 and N posts, and N again; whether memory was flat and the second run changed nothing."""
    with tempfile.TemporaryDirectory(prefix="etax-bench-") as name:
        folder, suffix = Path(name), "csv" if options.csv else "jsonl"
        small, large = folder / f"small.{suffix}", folder / f"large.{suffix}"
        write_register(small, options.posts // 10, options.posts_of_a_firm)
        write_register(large, options.posts, options.posts_of_a_firm)
        print(f"{'PostgreSQL' if options.database else 'SQLite'}, {large.stat().st_size / 1e6:.1f} MB of {suffix}")
        with empty_database(folder, options.database, f"etax_bench_{os.getpid()}_small") as environment:
            first = run(small, environment, options, "N/10")
        with empty_database(folder, options.database, f"etax_bench_{os.getpid()}_large") as environment:
            second = run(large, environment, options, "N")
            again = run(large, environment, options, "N again")
        resumed = not options.interrupt or interrupt(small, folder, options, first)
    ratio = second["megabytes"] / first["megabytes"]
    done = "nothing" if again["changes_nothing"] else "SOMETHING"
    print(f"memory N : N/10 = {ratio:.2f}; the second run changed {done}")
    return bool(
        resumed and ratio < 1.25 and again["changes_nothing"] and not first["bad"] + second["bad"] + again["bad"]
    )


def arguments() -> argparse.Namespace:
    """What was asked for. `--child` is how the script calls itself."""
    server = os.environ.get("DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=100_000, help="N, 100 to 5,000,000 (%(default)s)")
    parser.add_argument(
        "--database",
        nargs="?",
        const=server,
        metavar="URL",
        help="on this PostgreSQL server (DATABASE_URL's, else 127.0.0.1)",
    )
    parser.add_argument("--posts-of-a-firm", type=int, default=POSTS_OF_A_FIRM, choices=range(1, 6), metavar="1..5")
    parser.add_argument("--interrupt", action="store_true", help="also kill an import in the middle and resume it")
    parser.add_argument("--csv", action="store_true", help="CSV instead of JSON Lines")
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--debug", action="store_true", help="with DEBUG on, as in the embedded default")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not 100 <= options.posts <= MOST_POSTS:
        parser.error(f"--posts must be 100 to {MOST_POSTS:,}")
    if options.database and not options.database.startswith("postgres"):
        parser.error("--database must be the address of a PostgreSQL server")
    return options


if __name__ == "__main__":
    asked = arguments()
    if asked.child:
        import_here(asked.child, asked.batch_size, debug=asked.debug)
    else:
        sys.exit(0 if compare(asked) else 1)
