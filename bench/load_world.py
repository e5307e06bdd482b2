"""The world of the load benchmark: so many taxpayers, each with three people, made by SQL alone.

Each taxpayer has a legal representative, a finance officer and a clerk, all of them members, and five entries in the
record; of each hundred one is an agency with an engagement. The first ones, `ACTORS` enterprises and as many agencies,
are those whose legal representatives sign in: they have passwords and phones of their own.
"""

from dataclasses import dataclass
from typing import Any

ACTORS = 150
ENTERPRISE, PERSONAL = "Enterprise-2026-ok", "Personal-2026-ok"

_FIRMS = """
INSERT INTO accounts_credential (id, password, version, must_change, changed_at)
  SELECT n, %(enterprise)s, 1, false, now() FROM generate_series(1, %(size)s) n;
INSERT INTO accounts_credential (id, password, version, must_change, changed_at)
  SELECT %(size)s + n, %(personal)s, 1, false, now() FROM generate_series(1, %(size)s) n;
INSERT INTO accounts_taxpayer (id, uid, code, name, kind, credential_id, opened_at)
  SELECT n, gen_random_uuid(), '9121' || lpad(n::text, 14, '0'), '沈阳第' || n || '商贸有限公司',
    CASE WHEN n > %(actors)s AND (n <= 2 * %(actors)s OR n %% 100 = 0) THEN 'agency' ELSE 'enterprise' END,
    n, now() - interval '400 days' FROM generate_series(1, %(size)s) n;
"""
_PEOPLE = """
INSERT INTO accounts_person (id, is_superuser, uid, name, id_type, id_number, id_number_hash, phone, phone_hash,
    is_active, is_staff, created_at)
  SELECT n, false, gen_random_uuid(), substr('张王李赵钱孙周吴郑冯', 1 + n %% 10, 1) || '晓' || n, 'resident',
    %(id_number)s, 'bench-' || md5(n::text), %(phone)s, 'bench-' || md5('p' || n), true, false, now()
  FROM generate_series(1, 3 * %(size)s) n;
INSERT INTO realname_realnamerecord (person_id, phone, method, collected_at)
  SELECT n, '', 'counter', now() - interval '90 days' FROM generate_series(1, 3 * %(size)s) n;
INSERT INTO realname_post (taxpayer_id, person_id, position, mobile, landline, since, linked_at)
  SELECT 1 + (n - 1) / 3, n, (ARRAY['legal_rep', 'finance', 'clerk'])[1 + (n - 1) %% 3], %(mobile)s, '',
    current_date - 300, now() - interval '90 days' FROM generate_series(1, 3 * %(size)s) n;
INSERT INTO staff_identity (id, uid, taxpayer_id, name, description, version, created_at)
  SELECT n, gen_random_uuid(), n, '全量办税', '', 1, now() FROM generate_series(1, %(size)s) n;
INSERT INTO staff_membership (id, uid, taxpayer_id, person_id, is_manager, credential_id, added_at, version)
  SELECT n, gen_random_uuid(), 1 + (n - 1) / 3, n, false, CASE WHEN n %% 3 = 1 THEN %(size)s + 1 + (n - 1) / 3 END,
    now() - interval '60 days', 1 FROM generate_series(1, 3 * %(size)s) n;
INSERT INTO staff_membership_identities (membership_id, identity_id)
  SELECT n, n / 3 FROM generate_series(3, 3 * %(size)s, 3) n;
"""
_PAST = """
INSERT INTO accounts_auditentry (seq, at, kind, result, reason, person_id, taxpayer_id, proof, ip, request_id, details)
  SELECT nextval('accounts_auditentry_seq_seq'), date_trunc('month', now()) + n * interval '0.1 second', 'sign_in',
    'done', '', 1 + (n - 1) %% (3 * %(size)s), 1 + ((n - 1) %% (3 * %(size)s)) / 3, 'enterprise_sms', '10.0.0.1', '',
    '{}' FROM generate_series(1, 5 * %(size)s) n;
INSERT INTO accounts_signin (uid, person_id, taxpayer_id, proof, enterprise_version, personal_version, started_at,
    seen_at, ended_at, ended_because, ip, browser)
  SELECT gen_random_uuid(), n, 1 + (n - 1) / 3, 'enterprise_sms', 0, 0, now() - interval '30 days',
    now() - interval '30 days', now() - interval '29 days', 'signed_out', '10.0.0.1', ''
  FROM generate_series(1, 3 * %(size)s, 3) n;
INSERT INTO agencies_engagement (uid, agency_id, client_id, identity_id, valid_from, proposed_at, recognised_at,
    ended_because, note, lent_name, lent_functions, version)
  SELECT gen_random_uuid(), a.id, c.id, c.id, current_date - 30, now() - interval '31 days', now() - interval '30 days',
    '', '', '', '[]', 1
  FROM accounts_taxpayer a JOIN accounts_taxpayer c ON c.id = 1 + a.id %% %(actors)s WHERE a.kind = 'agency';
"""
_FILLED = ["accounts_credential", "accounts_taxpayer", "accounts_person", "staff_identity", "staff_membership"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who signs in: his firm's number, his public id and his phone."""

    code: str
    person: str
    phone: str


def fill(connection: Any, size: int) -> None:
    """Fill the empty, migrated database of this psycopg connection."""
    from accounts import passwords, sealing
    from accounts.models import Person
    from realname.models import Post

    places = {
        "id_number": Person._meta.get_field("id_number").place,
        "phone": Person._meta.get_field("phone").place,
        "mobile": Post._meta.get_field("mobile").place,
    }
    values = {
        "size": size,
        "actors": ACTORS,
        "enterprise": passwords.hash_new(ENTERPRISE),
        "personal": passwords.hash_new(PERSONAL),
        "id_number": sealing.seal("210102199004060042", place=places["id_number"]),
        "phone": sealing.seal("19900000000", place=places["phone"]),
        "mobile": sealing.seal("19900000000", place=places["mobile"]),
    }
    cursor = connection.cursor()
    cursor.execute("SET session_replication_role = replica")  # what refers to what is right by the way it is made
    for statement in "".join((_FIRMS, _PEOPLE, _PAST)).split(";\n"):
        if statement.strip():
            cursor.execute(statement, values)
    for number in range(1, 2 * ACTORS + 1):
        phone, lead = _phone(number), 3 * number - 2
        cursor.execute(
            "UPDATE accounts_person SET phone = %s, phone_hash = %s WHERE id = %s",
            (sealing.seal(phone, place=places["phone"]), sealing.lookup_hash(phone), lead),
        )
        cursor.execute(
            "UPDATE realname_post SET mobile = %s WHERE person_id = %s",
            (sealing.seal(phone, place=places["mobile"]), lead),
        )
    for table in _FILLED:
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    cursor.execute("SET session_replication_role = origin")
    cursor.execute("VACUUM ANALYZE")


def _phone(number: int) -> str:
    return f"199{number:08}"


def actors(connection: Any, *, agencies: bool = False) -> list[Actor]:
    """The legal representatives who sign in."""
    first = ACTORS if agencies else 0
    rows = connection.execute(
        "SELECT t.id, t.code, p.uid FROM accounts_taxpayer t JOIN accounts_person p ON p.id = 3 * t.id - 2"
        " WHERE t.id > %s AND t.id <= %s ORDER BY t.id",
        (first, first + ACTORS),
    ).fetchall()
    return [Actor(code, str(uid), _phone(number)) for number, code, uid in rows]
