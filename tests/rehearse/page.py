"""docs/operation.md, whose commands are run as they stand there."""

import re

from tests import deploy_check

PAGE = deploy_check.ROOT / "docs" / "operation.md"


def commands(name: str) -> str:
    """The block of that name, as the page has it."""
    block = re.search(rf"<!-- rehearsed: {name} -->\n( *)```sh\n(.*?)\n *```", PAGE.read_text(), re.DOTALL)
    assert block, name
    return "\n".join(line.removeprefix(block[1]) for line in block[2].splitlines())
