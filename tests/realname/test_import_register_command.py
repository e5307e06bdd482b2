"""`manage.py import_register FILE`: what the operator reads, and how it ends."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.realname.registers import LU, basis, csv_lines, json_lines, people, post, posts, taxpayer

pytestmark = [pytest.mark.django_db, pytest.mark.rule("D34")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "register.jsonl"
    path.write_bytes(json_lines(*basis(), post(), post(position="boss"), post(LU)).getvalue() + b"{\n")
    return path


def test_the_command_names_bad_lines_sums_up_and_succeeds(file):
    out, err = StringIO(), StringIO()
    call_command("import_register", str(file), stdout=out, stderr=err)
    assert err.getvalue().splitlines() == [
        "第6行：“position”应为legal_rep、finance、clerk之一。",
        "第7行：该纳税人已有在任的法定代表人（业主），须先有其截止日期。",
        "第8行：不是有效的JSON。",
    ]
    assert out.getvalue().splitlines() == [
        "纳税人：新增2，变更0，未变0",
        "人员：新增2，变更0，未变0",
        "任职：新增1，变更0，未变0",
        "有误的行：3",
    ]
    out = StringIO()
    call_command("import_register", str(file), stdout=out, stderr=StringIO())
    assert out.getvalue().splitlines()[-1] == "没有任何变更。"


def test_the_command_shows_how_far_it_is_by_bytes(file, capfd):
    call_command("import_register", str(file), stdout=StringIO(), stderr=StringIO())
    shown = capfd.readouterr().err
    assert "导入: 100%" in shown
    call_command("import_register", str(file), stdout=StringIO(), stderr=StringIO(), verbosity=0)
    assert capfd.readouterr().err == ""


def test_strict_fails_in_the_end_and_keeps_the_good_lines(file):
    with pytest.raises(CommandError, match="有3行有误。"):
        call_command("import_register", str(file), strict=True, stdout=StringIO(), stderr=StringIO())
    assert posts().count() == 1


def test_the_command_reads_csv_by_the_name_of_the_file(tmp_path):
    path = tmp_path / "register.CSV"
    path.write_bytes(csv_lines(*basis(), post()).getvalue())
    call_command("import_register", str(path), batch_size=2, stdout=StringIO(), stderr=StringIO())
    assert posts().get().person in people()


def test_the_command_refuses_in_words_what_it_cannot_read(tmp_path):
    unlike = tmp_path / "register.csv"
    unlike.write_text(json.dumps(taxpayer()))
    for path, words in ((tmp_path / "none", "没有这个文件"), (tmp_path, "无法读取文件"), (unlike, "第一行应为列名")):
        with pytest.raises(CommandError, match=words):
            call_command("import_register", str(path), stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize("size", [0, -1, 5001])
def test_the_command_refuses_batches_that_are_no_batches(file, size):
    with pytest.raises(CommandError, match="--batch-size"):
        call_command("import_register", str(file), batch_size=size, stdout=StringIO(), stderr=StringIO())
