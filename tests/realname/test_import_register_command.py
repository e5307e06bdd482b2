"""`manage.py import_register FILE`: what the operator reads, and how it ends."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from realname import checkpoints, register
from tests.realname.registers import LU, basis, clerks, csv_lines, json_lines, people, post, posts, taxpayer

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


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or the machine went down."""


@pytest.fixture
def long_file(tmp_path):
    """Four firms' worth of lines, a broken one among them, in the format asked for."""

    def made(suffix: str) -> Path:
        path = tmp_path / f"register.{suffix}"
        lines = (csv_lines if suffix == "csv" else json_lines)(*basis(), *clerks(20))
        broken = b"broken\n"
        path.write_bytes(lines.getvalue() + broken)
        return path

    return made


def stop_after(monkeypatch, batches: int) -> None:
    """The import is interrupted in its next batch after so many."""
    real, done = register._import_batch, []

    def until_stopped(lines):
        if len(done) == batches:
            raise Stopped
        done.append(len(lines))
        return real(lines)

    monkeypatch.setattr(register, "_import_batch", until_stopped)


@pytest.mark.rule("D34")
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_an_interrupted_import_goes_on_after_its_last_whole_batch(long_file, monkeypatch, suffix):
    path = long_file(suffix)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Stopped):
            call_command("import_register", str(path), batch_size=7, verbosity=0)
    assert posts().count() == 0  # the posts stand after the people
    assert checkpoints.of_file(path).read().line == 21 + (suffix == "csv")
    out, bad = StringIO(), StringIO()
    call_command("import_register", str(path), batch_size=7, verbosity=0, resume=True, stdout=out, stderr=bad)
    assert "任职：新增20" in out.getvalue()
    assert "人员：新增3，变更0，未变0" in out.getvalue()  # the others were in the batches before
    assert bad.getvalue().startswith(f"第{45 + (suffix == 'csv')}行：")
    assert posts().count() == 20
    assert checkpoints.of_file(path).read() == checkpoints.START
    again = StringIO()
    call_command("import_register", str(path), verbosity=0, stdout=again, stderr=StringIO())
    assert "没有任何变更。" in again.getvalue()


@pytest.mark.rule("D34")
def test_without_a_checkpoint_or_with_one_of_another_file_it_begins_at_the_start(long_file, monkeypatch):
    path = long_file("jsonl")
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Stopped):
            call_command("import_register", str(path), batch_size=7, verbosity=0)
    path.write_bytes(path.read_bytes() + json_lines(taxpayer(name="另一个名称")).getvalue())
    out = StringIO()
    call_command("import_register", str(path), verbosity=0, resume=True, stdout=out, stderr=StringIO())
    assert "任职：新增20" in out.getvalue()
    assert "未变" in out.getvalue()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"byte": "x", "line": 1}', '{"byte": -1, "line": 1}', '{"byte": 1}'])
def test_a_checkpoint_that_cannot_be_read_means_the_start(tmp_path, text):
    note = checkpoints.Checkpoint(tmp_path / "note.json")
    note.path.write_text(text)
    assert note.read() == checkpoints.START
