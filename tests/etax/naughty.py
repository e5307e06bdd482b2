"""What nobody should have typed: about 150 values, as the bytes that go over the wire, by what they try."""

from urllib.parse import quote_from_bytes

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Zero-width characters: they are on no screen and in no number."""
MARK = "xyzzy"
"""The name of the element that every piece of markup below tries to make: nothing escaped contains `<xyzzy`."""
PRODUCT = "1334009"
"""What the templates below come to, if anybody works them out."""

_TEXTS: dict[str, list[str]] = {
    "empty": ["", " ", "\t", "\u3000", "\u00a0\u2003\u2028\u2029", "   \r\n   ", "0"],
    "control": [
        "\x00",
        "a\x00b",
        "91210103MA0HC00240\x00",
        "\x00" * 50,
        "\x01\x02\x03\x07\x08",
        "\x0b\x0c\x1c\x1d\x1e\x1f",
        "\x7f\x80\x81\x9f",
        "\ufffe\uffff\U0001fffe\U0010ffff",
        "\ufff9\ufffa\ufffb",
        "\ue000\uf8ff\U000f0000",
    ],
    "invisible": [
        INVISIBLE,
        f"9121{INVISIBLE}0103MA0HC00241",
        "\u202e042 00CH0AM30101219",
        "\u2066\u2067\u2068\u2069",
        "\u202a\u202b\u202c\u202d",
        "\u061c\u200e\u200f",
        "1\u034f2\u034f3",
        "\U000e0041\U000e0042\U000e007f",
        "a\ufe0f\ufe0e",
        "\u115f\u1160\u3164\uffa0",
    ],
    "combining": [
        "Z̷̢̛͖͎a̴̡̻l̵̨̛g̶̨o̸̧͔",
        "e" + "\u0301" * 60,
        "\u0315\u0300\u0316" * 200,
        "\u1100\u1161\u11a8" * 30,
        "\u0f73\u0f75\u0f81",
        "각" * 40,
        "\ufdfa" * 30,
        "\u0958\u0959",
    ],
    "emoji": [
        "😀",
        "👨‍👩‍👧‍👦",
        "🇨🇳🏳️‍🌈",
        "👍🏽" * 20,
        "❤️" * 130,
        "\U0001f9ff\U0001fac3",
    ],
    "widths": [
        "９１２１０１０３ＭＡ０ＨＣ００２４１",
        "91210103ma0hc00241",
        "91-2101 03_MA0HC0—0241",
        "𝟗𝟏𝟐𝟏𝟎𝟏𝟎𝟑𝐌𝐀𝟎𝐇𝐂𝟎𝟎𝟐𝟒𝟏",
        "①②③④⑤⑥",
        "１２３４５６",
        "ﬁﬂ㎏㏂㍿",
        "＜ｘｙｚｚｙ＞",
        "＇ＯＲ１＝１",
        "İıſK",
        "ß" * 18,
    ],
    "digits": [
        "٠١٢٣٤٥",
        "१२३४५६",
        "๑๒๓๔๕๖",
        "〇一二三四五",
        "Ⅷ½²³",
        "𝟎𝟏𝟐𝟑𝟒𝟓",
        "٢٠٢٦-٠١-٠١",
        "٠" * 32,
    ],
    "numbers": [
        "-1",
        "-0",
        "+1",
        "1e309",
        "NaN",
        "-Infinity",
        "0x10",
        "1_000",
        "1,000.5",
        "9" * 18,
        "9" * 19,
        "9" * 400,
        "-" + "9" * 20,
        "9223372036854775808",
        "18446744073709551616",
        "00000000000000000000000000000000",
        "1/0",
        "true",
        "null",
        "undefined",
    ],
    "dates": ["0001-01-01", "9999-12-31", "2026-02-30", "2026-13-01", "10000-01-01", "-2026-01-01", "0000-00-00"],
    "sql": [
        "' OR '1'='1",
        "'; DROP TABLE accounts_person; --",
        '" OR ""="',
        "1 UNION SELECT password FROM accounts_credential",
        "admin'/*",
        "\\'; SELECT pg_sleep(9); --",
        "%' AND 1=1 AND '%'='",
        "1); DELETE FROM django_session; --",
        "$$; SELECT 1; $$",
        "%_%",
    ],
    "markup": [
        f"<{MARK}>",
        f'"><{MARK} onload=alert(1)>',
        f"'><{MARK}>",
        f"</title><{MARK}>",
        f"</script><{MARK}>",
        f"<!--<{MARK}>-->",
        f"&lt;<{MARK}>&gt;",
        f"<<{MARK}>//",
        "javascript:alert(1)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "&#0;&#x10FFFF;&amp",
        "]]><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
    ],
    "templates": [
        "{{1151*1159}}",
        "{% debug %}",
        "{{ settings.SECRET_KEY }}",
        "${1151*1159}",
        "#{1151*1159}",
        "%(code)s %s %d %n",
        "{0.__class__.__mro__}",
        "{}{0}{code}",
        "${jndi:ldap://127.0.0.1:9/a}",
        "${${lower:j}ndi:rmi://127.0.0.1:9/a}",
        "$(id) `id` ; id | id & id",
        "() { :;}; echo vulnerable",
        "=cmd|'/C calc'!A0",
        "@SUM(1+1)",
        "*)(uid=*))(|(uid=*",
        "__proto__",
    ],
    "lines": [
        "a\r\nSet-Cookie: session=chosen",
        "a\nINFO django.request [0] signed in",
        "a\r\n\r\n<html>",
        "%0d%0aX: y",
        "\u0085\u2028\u2029next",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\x1b[2J\x1b[H",
        "a\rb",
        '"}\n{"level":"CRITICAL"',
        "\x9b31m",
    ],
    "paths": [
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "..\\..\\windows\\win.ini",
        "/etc/passwd%00.png",
        "//evil.example/",
        "/\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "\t//evil.example",
        "/\t/evil.example",
        "file:///etc/passwd",
        "con.png",
        "." * 300,
        "a/b/c",
    ],
    "long": [
        "a" * 129,
        "9" * 5_000,
        "密" * 3_000,
        ":" * 2_000,
        "=" * 2_000 + "AAAA",
    ],
    "tokens": [
        "a:b:c",
        ".eJw:a:b",
        ".:.:.",
        "W10:1uAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "00000000-0000-0000-0000-000000000000",
        "{00000000-0000-0000-0000-000000000000}",
        "urn:uuid:00000000-0000-0000-0000-00000000000g",
        "ffffffffffffffffffffffffffffffff",
    ],
}
_BYTES: dict[str, list[bytes]] = {
    # Not UTF-8: lone surrogates, overlong forms, broken sequences, other character sets.
    "bytes": [
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf\xed\xa0\x80",
        b"\xc0\x80",
        b"\xe0\x80\xaf",
        b"\xff\xfe0\x00",
        b"\xf8\x88\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"91210103MA0HC0024\xe5",
        "沈阳".encode("gb18030"),
        "沈阳".encode("utf-16"),
        b"\x80" * 40,
    ],
}

BY_KIND: dict[str, list[bytes]] = {kind: [text.encode() for text in texts] for kind, texts in _TEXTS.items()} | _BYTES
ALL: list[bytes] = [value for values in BY_KIND.values() for value in values]
HUGE: list[bytes] = [b"a" * 1_000_000, b"9" * 1_000_000, "密".encode() * 340_000, b"\x00" * 1_000_000]
"""A megabyte each: more than a body may have, so these are tried apart."""


def some(of_each: int) -> list[bytes]:
    """The first few of each kind, for where a try costs a password hash."""
    return [value for values in BY_KIND.values() for value in values[:of_each]]


def urlencoded(fields: dict[str, bytes]) -> bytes:
    """A form's body, every byte of the values percent-encoded as it is."""
    return "&".join(f"{quote_from_bytes(k.encode())}={quote_from_bytes(v)}" for k, v in fields.items()).encode()


def header(value: bytes) -> str:
    """The value as a WSGI server hands a header on: each byte a character."""
    return value.decode("latin-1")
