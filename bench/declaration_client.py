"""A stand-in for the 扣缴客户端: asks a running portal whether a 申报密码 is right.

`python bench/declaration_client.py 91210103MA0HC00240` asks for the password on the terminal. The embedded default
knows a client `stand-in`, whose secret lies in `VAR_DIR/declaration_client`; `--name` and `--secret-file` take another.
The exit code is 0 for a right or temporary password, 1 for any other answer, 2 where the portal gave none.
"""

import argparse
import base64
import getpass
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "/api/v1/declaration-password/check"


def asked(portal: str, name: str, secret: str, taxpayer: str, password: str) -> tuple[int, dict[str, object]]:
    """Status and body of the portal's answer."""
    body = json.dumps({"taxpayer": taxpayer, "password": password}).encode()
    proof = base64.b64encode(f"{name}:{secret}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {proof}"}
    request = urllib.request.Request(urljoin(portal, ADDRESS), data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def main() -> int:
    """Ask once, and say what the portal said."""
    var = Path(os.environ.get("VAR_DIR", ROOT / "var"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("taxpayer", help="纳税人识别号")
    parser.add_argument("--portal", default="http://127.0.0.1:8000", help="(%(default)s)")
    parser.add_argument("--name", default="stand-in")
    parser.add_argument("--secret-file", type=Path, default=var / "declaration_client")
    options = parser.parse_args()
    password = getpass.getpass("申报密码: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    secret = options.secret_file.read_text().strip()
    try:
        status, said = asked(options.portal, options.name, secret, options.taxpayer, password)
    except (OSError, ValueError) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 2
    print(status, json.dumps(said, ensure_ascii=False))
    return 0 if said.get("result") in ("right", "temporary") else 1


if __name__ == "__main__":
    sys.exit(main())
