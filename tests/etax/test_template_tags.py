"""The portal's tags; those that keep their text say in every language, escaped or not, what Django's own say."""

import pytest
from django.template import Context, engines
from django.utils import translation

from etax.template_tags import Kept

CONSTANT = [
    "{% translate '退出' %}",
    '{% translate "登录" %}',
    "{% trans '退出' %}",
    "{% blocktranslate trimmed %}\n  代理机构认定管理\n{% endblocktranslate %}",
    "{% static 'favicon.svg' %}",
    "{% url 'home' %}",
    "{% url 'staff:members' %}",
]
ICONS = ['{% icon "warn" %}', "{% icon name %}"]
CHANGING = [
    "{% translate word %}",
    "{% translate '退出' as word %}{{ word }}",
    "{% blocktranslate with name=word %}{{ name }}，您好{% endblocktranslate %}",
    "{% url name %}",
    "{% url 'help_page' 'why-not' %}",
    "{% static path %}",
]


def _drawn(text: str, language: str, *, autoescape: bool = True, load: str = "") -> str:
    template = engines["django"].from_string(load + text).template
    context = Context({"word": "登录", "name": "home", "path": "favicon.svg"}, autoescape=autoescape)
    with translation.override(language):
        return [template.render(context) for _again in range(2)][-1]


@pytest.mark.parametrize("language", ["zh-hans", "zh-hant", "en"])
@pytest.mark.parametrize("autoescape", [True, False])
@pytest.mark.parametrize("text", [*CONSTANT, *CHANGING])
def test_each_says_what_djangos_own_tag_says(text, language, autoescape):
    own = _drawn(text, language, autoescape=autoescape)
    assert own == _drawn(
        text, language, autoescape=autoescape, load="{% load i18n static %}" if "url" not in text else ""
    )
    assert own


@pytest.mark.parametrize("text", CONSTANT)
def test_what_depends_on_the_language_alone_is_kept(text):
    [tag] = [node for node in engines["django"].from_string(text).template.nodelist if isinstance(node, Kept)]
    assert tag.child_nodelists == ()


@pytest.mark.parametrize("text", CHANGING)
def test_what_depends_on_the_page_is_never_kept(text):
    nodes = engines["django"].from_string(text).template.nodelist
    assert not [node for node in nodes if isinstance(node, Kept)]


@pytest.mark.rule("D30")
def test_one_template_speaks_each_language_in_turn():
    template = engines["django"].from_string("{% translate '退出' %}").template
    said = []
    for language in ("zh-hans", "en", "zh-hant", "zh-hans"):
        with translation.override(language):
            said.append(template.render(Context()))
    assert said[0] == said[3] == "退出"
    assert len(set(said)) == 2 + (said[2] != said[0])
    assert said[1] not in said[:1]


def test_an_icon_is_a_drawing_that_nobody_hears():
    drawn = _drawn('{% icon "warn" %}', "en")
    assert drawn == '<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#warn"></use></svg>'
    assert 'icons.svg#home"' in _drawn("{% icon name %}", "en")


def test_an_icon_is_drawn_once_where_its_name_is_always_the_same():
    kept, drawn = (engines["django"].from_string(text).template.nodelist[0] for text in ICONS)
    assert isinstance(kept, Kept)
    assert not isinstance(drawn, Kept)


@pytest.mark.parametrize(("kind", "drawing"), [("bad", "stop"), ("warn", "warn"), ("ok", "check"), ("info", "info")])
def test_a_notice_has_the_icon_of_its_kind_around_what_it_tells(kind, drawing):
    said = _drawn(f'{{% notice "{kind}" %}}<p>{{{{ word }}}}</p>{{% endnotice %}}', "zh-hans")
    assert said.startswith(f'<div class="notice {kind}"><svg class="icon"')
    assert f"#{drawing}" in said
    assert said.endswith("<div><p>登录</p></div></div>")


def test_a_notice_of_what_has_just_happened_is_told_first_and_may_have_an_icon_of_its_own():
    said = _drawn('{% notice "info" role="status" drawing="clock" %}{{ word }}{% endnotice %}', "zh-hans")
    assert 'class="notice info" role="status"' in said
    assert "#clock" in said


def test_what_a_notice_tells_is_escaped_as_everywhere():
    template = engines["django"].from_string('{% notice "bad" %}{{ word }}{% endnotice %}').template
    assert "&lt;b&gt;" in template.render(Context({"word": "<b>"}))
