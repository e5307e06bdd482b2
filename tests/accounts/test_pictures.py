"""图片验证码: one picture for one try, in one browser, for one form, for two minutes (CAP-01 to CAP-07)."""

import base64
import io
import json
import threading
import wave
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.core import signing
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.middleware.csrf import get_token
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts import pictures
from accounts.limits import PICTURE_LIFE
from accounts.models import AuditEntry, Throttle, UsedPicture
from tests import cast
from tests.visitor import words

FORM = "ordinary-login"


@pytest.fixture
def newcomer(rf):
    """A request of somebody's browser; each call is another browser."""

    def made():
        request = rf.get("/")
        get_token(request)
        return request

    return made


@pytest.fixture
def still():
    """Time stands still, so that no minute ends within a test."""
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def spoken(token: str) -> str:
    """The digits of the sound, from the portal itself."""
    return pictures._spoken(token)


def wrong(answer: str) -> str:
    """Another answer of the same shape."""
    return answer[:-1] + ("3" if answer[-1] != "3" else "4")


def form_errors(response) -> list[str]:
    """The codes of the refusals of a page's form."""
    return [error.code for errors in response.context["form"].errors.as_data().values() for error in errors]


# Picture and sound


@pytest.mark.rule("CAP-05")
def test_one_token_shows_the_same_picture_and_sound_every_time(newcomer):
    token = pictures.new_token(newcomer(), FORM)
    assert pictures.draw(token) == pictures.draw(token)
    assert pictures.speak(token) == pictures.speak(token)


@pytest.mark.rule("CAP-05")
def test_two_tokens_show_other_pictures_and_sounds_and_have_other_answers(newcomer):
    request = newcomer()
    one, other = pictures.new_token(request, FORM), pictures.new_token(request, FORM)
    assert pictures.draw(one) != pictures.draw(other)
    assert pictures.speak(one) != pictures.speak(other)
    assert pictures.answer(one) != pictures.answer(other)
    assert spoken(one) != spoken(other)


def test_drawing_in_many_threads_at_once_mixes_nothing_up(newcomer):
    request = newcomer()
    tokens = [pictures.new_token(request, FORM) for _ in range(6)]
    expected = [pictures.draw(token) for token in tokens]
    drawn: dict[int, bytes] = {}
    threads = [
        threading.Thread(target=lambda n=n, token=token: drawn.__setitem__(n, pictures.draw(token)))
        for n, token in enumerate(tokens)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [drawn[n] for n in range(6)] == expected


@pytest.mark.rule("CAP-06")
def test_a_picture_is_a_png_of_at_most_20_kilobytes(newcomer):
    request = newcomer()
    sizes = []
    for _ in range(20):
        drawn = pictures.draw(pictures.new_token(request, FORM))
        sizes.append(len(drawn))
        image = Image.open(io.BytesIO(drawn))
        assert (image.format, image.size) == ("PNG", (pictures.WIDTH, pictures.HEIGHT))
    assert max(sizes) <= 20_000


@pytest.mark.rule("CAP-07")
def test_a_sound_is_a_wav_that_lasts_some_seconds(newcomer):
    with wave.open(io.BytesIO(pictures.speak(pictures.new_token(newcomer(), FORM)))) as sound:
        assert 3 < sound.getnframes() / sound.getframerate() < 60


def test_answers_are_six_characters_that_nobody_takes_for_others(newcomer):
    request = newcomer()
    answers = [pictures.answer(pictures.new_token(request, FORM)) for _ in range(300)]
    assert {len(answer) for answer in answers} == {6}
    assert set("".join(answers)) == set(pictures.LETTERS)
    assert not set(pictures.LETTERS) & set("IL1OQ0Z2")
    assert len(set(answers)) == 300


@pytest.mark.rule("CAP-07")
def test_the_sounds_digits_are_six_and_not_the_pictures_answer(newcomer):
    token = pictures.new_token(newcomer(), FORM)
    assert len(spoken(token)) == 6
    assert spoken(token).isdigit()
    assert spoken(token) != pictures.answer(token)


# Redeeming


@pytest.mark.rule("CAP-01")
def test_a_right_answer_counts_once(db, newcomer):
    request = newcomer()
    token = pictures.new_token(request, FORM)
    assert pictures.redeem(request, token, pictures.answer(token), FORM)
    assert not pictures.redeem(request, token, pictures.answer(token), FORM)
    assert not pictures.redeem(request, token, spoken(token), FORM)


@pytest.mark.rule("CAP-01")
@pytest.mark.parametrize("first", ["wrong", "", "\u9519", "wrong digits"])
def test_a_wrong_answer_uses_the_picture_up(db, newcomer, first):
    request = newcomer()
    token = pictures.new_token(request, FORM)
    given = {"wrong": wrong(pictures.answer(token)), "wrong digits": wrong(spoken(token))}.get(first, first)
    assert not pictures.redeem(request, token, given, FORM)
    assert not pictures.redeem(request, token, pictures.answer(token), FORM)


@pytest.mark.rule("CAP-07")
def test_the_digits_of_the_sound_are_accepted_as_well(db, newcomer):
    request = newcomer()
    token = pictures.new_token(request, FORM)
    assert pictures.redeem(request, token, spoken(token), FORM)


@pytest.mark.rule("CAP-01")
def test_the_answer_of_another_picture_is_wrong(db, newcomer):
    request = newcomer()
    one, other = pictures.new_token(request, FORM), pictures.new_token(request, FORM)
    assert not pictures.redeem(request, one, pictures.answer(other), FORM)


@pytest.mark.rule("CAP-02")
def test_a_picture_is_good_in_the_browser_it_was_made_for_alone(db, newcomer):
    mine, yours = newcomer(), newcomer()
    token = pictures.new_token(mine, FORM)
    assert not pictures.redeem(yours, token, pictures.answer(token), FORM)
    assert pictures.redeem(mine, token, pictures.answer(token), FORM)  # a stranger can't use it up either


@pytest.mark.rule("CAP-02")
def test_a_picture_is_good_for_the_form_it_was_made_for_alone(db, newcomer):
    request = newcomer()
    token = pictures.new_token(request, FORM)
    assert not pictures.redeem(request, token, pictures.answer(token), "change-password")
    assert pictures.redeem(request, token, pictures.answer(token), FORM)


@pytest.mark.rule("CAP-02")
@pytest.mark.parametrize(("seconds", "good"), [(119, True), (121, False), (86_400, False)])
def test_a_picture_lives_for_120_seconds(db, newcomer, seconds, good):
    request, start = newcomer(), timezone.now()
    with time_machine.travel(start, tick=False):
        token = pictures.new_token(request, FORM)
        answers = pictures.answer(token), spoken(token)
    with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
        assert pictures.redeem(request, token, answers[0], FORM) is good
        for show in (pictures.draw, pictures.speak):
            if good:
                assert show(token)
            else:
                with pytest.raises(signing.BadSignature):
                    show(token)


@pytest.mark.rule("CAP-01", "CAP-02")
def test_a_forged_token_is_worth_nothing(db, newcomer, settings):
    request = newcomer()
    token = pictures.new_token(request, FORM)
    value, rest = token.split(":", 1)
    other_value = base64.urlsafe_b64encode(b'["0000","0000","ordinary-login"]').decode().rstrip("=")
    same_key = signing.dumps(["0" * 24, pictures._visitor(request), FORM], salt="known-browser")
    of_another_shape = signing.dumps({"nonce": "0"}, salt="picture")
    forged = ["", ":", "::", "x" * 300, "\u9519", f"{other_value}:{rest}", token[:-1], token + "A", f"{value}:{rest}:x"]
    for each in (*forged, same_key, of_another_shape):
        assert not pictures.redeem(request, each, pictures.answer(token), FORM)
        for show in (pictures.draw, pictures.speak, pictures.answer):
            with pytest.raises(signing.BadSignature):
                show(each)
    settings.SECRET_KEY = "another" * 10
    with pytest.raises(signing.BadSignature):
        pictures.answer(token)


def test_tidying_forgets_only_pictures_too_old_to_be_tried(db, newcomer):
    request, start = newcomer(), timezone.now()
    with time_machine.travel(start - 3 * PICTURE_LIFE, tick=False):
        token = pictures.new_token(request, FORM)
        pictures.redeem(request, token, pictures.answer(token), FORM)
    token = pictures.new_token(request, FORM)
    pictures.redeem(request, token, pictures.answer(token), FORM)
    assert UsedPicture.objects.count() == 2
    assert pictures.tidy() == 1
    assert not pictures.redeem(request, token, pictures.answer(token), FORM)


# On the page


@pytest.mark.rule("CAP-05")
def test_the_answer_stands_nowhere_that_a_program_could_read_it(visitor):
    page = visitor.get(reverse("login"))
    token = unescape(page.content.decode().split('name="captcha_token" value="')[1].split('"')[0])
    nonce, _visitor, form = json.loads(base64.urlsafe_b64decode(token.split(":")[0] + "=="))
    assert form == FORM
    shown = visitor.get(reverse("accounts:picture", args=[token]))
    said = visitor.get(reverse("accounts:sound", args=[token]))
    assert (shown["Content-Type"], said["Content-Type"]) == ("image/png", "audio/wav")
    assert shown["Cache-Control"] == said["Cache-Control"] == "no-store"
    readable = [page.content.decode(), token, nonce]
    readable += [f"{answer.headers} {answer.cookies}" for answer in (page, shown, said)]
    readable += [answer.content.decode("latin-1") for answer in (shown, said)]
    for text in readable:
        assert pictures.answer(token).lower() not in text.lower()
        assert spoken(token) not in text


@pytest.mark.rule("CAP-01", "CAP-05")
def test_showing_a_picture_writes_nothing(visitor, stored):
    token = visitor.token(reverse("login"))
    before = stored()
    visitor.get(reverse("accounts:picture", args=[token]))
    visitor.get(reverse("accounts:sound", args=[token]))
    visitor.get(reverse("accounts:new_picture", args=[FORM]))
    assert stored() == before


@pytest.mark.rule("CAP-05")
def test_the_nonce_alone_does_not_tell_the_answer(newcomer, settings):
    token = pictures.new_token(newcomer(), FORM)
    nonce = pictures._read(token, max_age=None)[0]
    answer = pictures.answer(token)
    settings.SECRET_KEY = "another" * 10
    assert pictures._answer(nonce, pictures.LETTERS, "picture-answer") != answer


@pytest.mark.rule("CAP-01", "CAP-03")
def test_a_wrong_picture_code_is_refused_before_anything_else_is_done(visitor, argon2_runs):
    token = visitor.token(reverse("login"))
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"], "agreement": "on"}
    typed = wrong(pictures.answer(token))
    answer = visitor.post(reverse("login"), {**data, "captcha_token": token, "captcha": typed})
    assert answer.status_code == 400
    assert form_errors(answer) == ["picture_code"]
    assert "验证码错误或已过期" in words(answer)
    assert typed not in answer.content.decode()
    right = {**data, "captcha_token": token, "captcha": pictures.answer(token)}
    assert form_errors(visitor.post(reverse("login"), right)) == ["picture_code"]
    assert argon2_runs == []
    assert not AuditEntry.objects.exists()
    assert not Throttle.objects.exists()


@pytest.mark.rule("CAP-03", "VAL-04")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"captcha": ""}, "required"),
        ({"captcha": None}, "required"),
        ({"captcha": ["AAAAAA", "BBBBBB"]}, "repeated_field"),
        ({"captcha": "A" * 21}, "max_length"),
        ({"captcha_token": ""}, "picture_code"),
        ({"captcha_token": None}, "picture_code"),
        ({"captcha_token": "A" * 301}, "max_length"),
        ({"captcha_token": ["", ""]}, "repeated_field"),
    ],
    ids=str,
)
def test_a_missing_blank_or_repeated_picture_code_is_refused(visitor, argon2_runs, changed, code):
    token = visitor.token(reverse("login"))
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"], "agreement": "on"}
    data |= {"captcha_token": token, "captcha": pictures.answer(token)} | changed
    answer = visitor.post(reverse("login"), {name: value for name, value in data.items() if value is not None})
    assert answer.status_code == 400
    assert form_errors(answer) == [code]
    assert argon2_runs == []
    assert not UsedPicture.objects.exists()


@pytest.mark.rule("CAP-02")
def test_another_browsers_picture_is_refused_on_the_page(visitor, other_visitor):
    token = other_visitor.token(reverse("login"))
    other = {"captcha_token": token, "captcha": pictures.answer(token)}
    assert form_errors(visitor.give_enterprise_password("HC", **other)) == ["picture_code"]
    assert other_visitor.give_enterprise_password("HC", **other).url == reverse("staff:choose_person")


@pytest.mark.rule("CAP-02")
def test_a_new_picture_is_for_the_form_that_asked_for_it(visitor):
    def fresh(form: str) -> dict[str, str]:
        token = visitor.get(reverse("accounts:new_picture", args=[form])).json()["token"]
        return {"captcha_token": token, "captcha": pictures.answer(token)}

    assert form_errors(visitor.give_enterprise_password("HC", **fresh("change-password"))) == ["picture_code"]
    assert visitor.give_enterprise_password("HC", **fresh(FORM)).url == reverse("staff:choose_person")


def test_a_new_picture_comes_with_its_addresses(visitor):
    fresh = visitor.get(reverse("accounts:new_picture", args=[FORM])).json()
    assert visitor.get(fresh["picture"]).content == pictures.draw(fresh["token"])
    assert visitor.get(fresh["sound"]).content == pictures.speak(fresh["token"])


@pytest.mark.parametrize("dress", [str.lower, lambda answer: "".join(chr(ord(c) + 0xFEE0) for c in answer), " ".join])
def test_the_answer_is_taken_in_either_case_and_width(visitor, dress):
    token = visitor.token(reverse("login"))
    typed = {"captcha_token": token, "captcha": dress(pictures.answer(token))}
    assert visitor.give_enterprise_password("HC", **typed).url == reverse("staff:choose_person")


@pytest.mark.rule("FLOW-06", "CAP-03")
def test_a_form_that_lacks_something_else_does_not_use_the_picture_up(visitor, argon2_runs):
    token = visitor.token(reverse("login"))
    typed = {"captcha_token": token, "captcha": pictures.answer(token)}
    assert form_errors(visitor.give_enterprise_password("HC", agreement="", **typed)) == ["required"]
    assert argon2_runs == []
    assert visitor.give_enterprise_password("HC", **typed).url == reverse("staff:choose_person")


@pytest.mark.rule("CAP-02")
@pytest.mark.parametrize("kind", ["picture", "sound"])
def test_no_picture_and_no_sound_for_a_forged_or_old_token(visitor, kind):
    token = visitor.token(reverse("login"))
    assert visitor.get(reverse(f"accounts:{kind}", args=[token[:-1]])).status_code == 404
    with time_machine.travel(timezone.now() + timedelta(seconds=121)):
        assert visitor.get(reverse(f"accounts:{kind}", args=[token])).status_code == 404


@pytest.mark.parametrize("name", ["picture", "sound", "new_picture"])
def test_pictures_are_only_to_be_looked_at(visitor, name):
    assert visitor.post(reverse(f"accounts:{name}", args=["x"])).status_code == 405


# How many


def look(visitor, times: int, address: str = "192.0.2.1", kind: str = "picture") -> list[int]:
    """Look at a picture, or listen to it, so often from one address; the statuses."""
    token = visitor.token(reverse("login"))
    url = reverse(f"accounts:{kind}", args=[token])
    return [visitor.get(url, REMOTE_ADDR=address).status_code for _ in range(times)]


@pytest.mark.rule("CAP-06")
def test_the_31st_picture_in_a_minute_is_refused(visitor, still):
    assert look(visitor, 30) == [200] * 30
    refused = visitor.get(reverse("accounts:picture", args=[visitor.token(reverse("login"))]), REMOTE_ADDR="192.0.2.1")
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 60
    assert look(visitor, 1, address="192.0.2.2") == [200]
    still.shift(61)
    assert look(visitor, 1) == [200]


@pytest.mark.rule("CAP-06", "CAP-07")
def test_sounds_are_counted_with_the_pictures(visitor, still):
    assert look(visitor, 28) == [200] * 28
    assert look(visitor, 3, kind="sound") == [200, 200, 429]
    assert look(visitor, 1) == [429]


@pytest.mark.rule("CAP-06")
def test_forged_tokens_are_counted_too(visitor, still):
    url = reverse("accounts:picture", args=["forged"])
    assert [visitor.get(url).status_code for _ in range(31)] == [404] * 30 + [429]


@pytest.mark.rule("CAP-06", "D13")
def test_a_solved_picture_is_given_back_to_its_address(visitor, still):
    assert look(visitor, 31, address="127.0.0.1")[29:] == [200, 429]
    assert visitor.give_enterprise_password("HC").url == reverse("staff:choose_person")
    assert look(visitor, 1, address="127.0.0.1") == [200]


@pytest.mark.rule("CAP-06")
def test_a_wrong_picture_code_is_not_given_back(visitor, still):
    assert look(visitor, 31, address="127.0.0.1")[29:] == [200, 429]
    visitor.give_enterprise_password("HC", captcha="WRONG")
    assert look(visitor, 1, address="127.0.0.1") == [429]


@pytest.mark.rule("CAP-06")
def test_when_the_cache_is_gone_the_database_counts(visitor, settings):
    gone = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    with override_settings(CACHES={**settings.CACHES, "default": gone}):
        with pytest.raises(Exception, match=r"127\.0\.0\.1:1"):
            cache.get("anything")
        assert look(visitor, 31, address="127.0.0.1") == [200] * 30 + [429]
        assert visitor.give_enterprise_password("HC").url == reverse("staff:choose_person")
        assert look(visitor, 2, address="127.0.0.1") == [200, 429]


@pytest.mark.rule("CAP-06")
def test_a_visitor_with_a_whole_network_of_his_own_is_counted_as_one(visitor, still):
    assert look(visitor, 30, address="2001:db8::1") == [200] * 30
    assert look(visitor, 1, address="2001:db8::ffff:2") == [429]
    assert look(visitor, 1, address="2001:db8:0:1::1") == [200]


# The command for support and for tests from outside


def test_the_command_prints_the_answers_one_a_line(newcomer):
    request, out = newcomer(), io.StringIO()
    tokens = [pictures.new_token(request, FORM) for _ in range(2)]
    call_command("captcha_answer", *tokens, stdout=out)
    assert out.getvalue().split("\n") == [*(pictures.answer(token) for token in tokens), ""]


def test_the_commands_answer_opens_the_door(visitor):
    token, out = visitor.token(reverse("login")), io.StringIO()
    call_command("captcha_answer", token, stdout=out)
    typed = {"captcha_token": token, "captcha": out.getvalue()}
    assert visitor.give_enterprise_password("HC", **typed).url == reverse("staff:choose_person")


def test_the_command_refuses_a_token_that_is_not_ours(newcomer):
    with pytest.raises(CommandError):
        call_command("captcha_answer", pictures.new_token(newcomer(), FORM) + "x")
