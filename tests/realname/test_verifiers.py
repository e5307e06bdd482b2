"""Who judges before an officer does: nobody by default, programs where they are installed, and what they say (D26)."""

import logging

import pytest
from django.core.exceptions import ValidationError

from accounts.actor import Actor
from realname import collecting as services
from realname import verifiers
from realname.models import Collection, PhotoKind
from realname.verifiers import Judgement, OfficerDecides, PictureAssist, Verdict
from tests import cast
from tests.realname.collecting import NAME, at, go_to, send_photo
from tests.visitor import words

NUMBER, OTHERS = cast.ID_NUMBERS[NAME], cast.ID_NUMBERS["孙雅静"]
FACE, SAME, OTHER = [0.1] * 128, [0.11] * 128, [0.3] * 128


def collection(**changed) -> Collection:
    return Collection(**{"name": NAME, "id_type": "resident", "id_number": NUMBER, **changed})


@pytest.mark.rule("D26")
@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (["姓名 周文博", f"公民身份号码 {NUMBER}"], verifiers.UNDECIDED),
        (["公民身份号码", f"{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}"], verifiers.UNDECIDED),
        ([f"公民身份号码{OTHERS}"], verifiers.OTHER_NUMBER),
        (["姓名 周文博"], verifiers.UNREADABLE),
        ([NUMBER[:-2] + "18"], verifiers.UNREADABLE),
        ([], verifiers.UNREADABLE),
    ],
)
def test_the_number_on_the_card_is_compared_with_the_number_typed(lines, verdict):
    assert verifiers.on_number(lines, collection()) is verdict


@pytest.mark.rule("D26")
def test_what_is_read_from_a_passport_refuses_nobody():
    assert verifiers.on_number([OTHERS], collection(id_type="passport", id_number="E123")) is verifiers.UNREADABLE


@pytest.mark.rule("D26", "M86")
@pytest.mark.parametrize(
    ("card", "taken", "verdict"),
    [
        ([FACE], [SAME], verifiers.UNDECIDED),
        ([OTHER, FACE], [SAME], verifiers.UNDECIDED),
        ([FACE], [], verifiers.NO_FACE),
        ([FACE], [SAME, OTHER], verifiers.TWO_FACES),
        ([], [SAME], verifiers.NO_FACE_ON_CARD),
        ([FACE], [OTHER], verifiers.OTHER_FACE),
    ],
)
def test_faces_are_counted_and_compared(card, taken, verdict):
    assert verifiers.on_faces(card, taken) is verdict


@pytest.mark.rule("D26")
def test_every_refusal_says_what_to_do_and_which_picture_to_take_again():
    refusals = [each for each in vars(verifiers).values() if isinstance(each, Verdict) and each.refuses]
    assert len(refusals) == 5
    assert len({each.code for each in refusals}) == 5
    assert all("重新拍摄" in str(each.text) or "填满取景框" in str(each.text) for each in refusals)
    assert {each.retake for each in refusals} == {PhotoKind.FRONT, PhotoKind.FACE}


@pytest.mark.rule("M86")
@pytest.mark.parametrize(
    ("lines", "day"),
    [
        (["签发机关 沈阳市公安局", "有效期限 2019.05.01-2039.05.01"], "2039-05-01"),
        (["2019年5月1日至2039年5月1日"], "2039-05-01"),
        (["2019.05.01-长期"], None),
        (["9999.99.99"], None),
        ([], None),
    ],
)
def test_the_cards_last_day_is_read_from_its_other_side(lines, day):
    assert str(verifiers.last_day(lines) or "") == (day or "")


@pytest.mark.rule("D26")
def test_without_the_packages_officers_decide_and_the_log_says_so(settings, caplog):
    assert isinstance(verifiers.configured(), OfficerDecides)
    settings.REAL_NAME_VERIFIER = "realname.verifiers.NoSuchThing"
    with caplog.at_level(logging.WARNING):
        assert isinstance(verifiers.configured(), OfficerDecides)
    assert "officers decide" in caplog.text


@pytest.mark.rule("D26")
def test_the_assist_needs_its_packages(settings):
    settings.REAL_NAME_VERIFIER = "realname.verifiers.PictureAssist"
    try:
        made = PictureAssist()
    except ImportError:
        assert isinstance(verifiers.configured(), OfficerDecides)
    else:
        assert type(made) is type(verifiers.configured())


class Says:
    """A bureau's own verifier."""

    verdict = verifiers.UNDECIDED

    def judge(self, collection: Collection) -> Verdict:
        return self.verdict


class Passes(Says):
    verdict = Verdict(judgement=Judgement.PASSED)


class RefusesTheCard(Says):
    verdict = verifiers.OTHER_NUMBER


class RefusesTheFace(Says):
    verdict = verifiers.TWO_FACES


def uses(settings, verifier: type[Says]) -> None:
    settings.REAL_NAME_VERIFIER = f"{__name__}.{verifier.__name__}"


@pytest.mark.rule("M86", "D26")
def test_a_bureaus_own_verifier_that_passes_makes_the_record_at_once(visitor, settings):
    uses(settings, Passes)
    go_to(visitor, "result")
    assert "检测成功" in words(visitor.get(at("result")))
    assert cast.person(NAME).phone == cast.PHONES[NAME]
    assert Collection.objects.get().decided_by is None


@pytest.mark.rule("M16", "D26")
def test_but_another_name_for_the_document_is_for_an_officer(visitor, settings):
    uses(settings, Passes)
    go_to(visitor, "result", id_number=OTHERS)
    assert "已提交，待审核" in words(visitor.get(at("result")))
    assert cast.person("孙雅静").phone == cast.PHONES["孙雅静"]


@pytest.mark.rule("M86", "D26")
def test_a_refusal_leads_to_the_picture_that_is_to_be_taken_again(visitor, settings):
    uses(settings, RefusesTheCard)
    go_to(visitor, "face")
    answer = send_photo(visitor, "face")
    assert answer.url == at("card_front")
    assert "照片中的证件号码与填写的不一致" in words(visitor.get(answer.url))
    uses(settings, RefusesTheFace)
    again = send_photo(visitor, "face")
    assert again.status_code == 400
    assert "照片中有多张人脸" in words(again)
    assert Collection.objects.get().submitted_at is None


@pytest.mark.rule("D26")
def test_a_refusal_names_its_code_and_the_picture(visitor, settings):
    uses(settings, RefusesTheFace)
    go_to(visitor, "face")
    send_photo(visitor, "face")
    with pytest.raises(ValidationError) as caught:
        services.submit(Collection.objects.get(), by=Actor())
    assert (caught.value.code, caught.value.params) == ("two_faces", {"retake": PhotoKind.FACE})
