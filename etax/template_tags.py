"""Tags that every template has: the portal's `icon` and `notice`, and four of Django's own that keep their text.

A page has a hundred `translate`, `blocktranslate`, `static` and `url` that depend on nothing but the language, and
looking all of them up anew took half the time of drawing it. A template that loads `i18n` or `static` gets Django's.
"""

from collections.abc import Callable, Hashable
from typing import Any

from django.template import Library, defaulttags
from django.template.base import FilterExpression, Node, Parser, Token, TokenType
from django.templatetags import i18n
from django.templatetags import static as static_files
from django.urls import get_script_prefix, get_urlconf
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString

Compile = Callable[[Parser, Token], Any]

register = Library()
for _library in (i18n.register, static_files.register):
    register.tags |= _library.tags
    register.filters |= _library.filters


class Kept(Node):
    """A tag whose text depends on nothing but `on()` and whether it is escaped: drawn once for each.

    `on` is asked once a page, as a page is in one language: the answer lies with what the whole page shares.
    """

    child_nodelists = ()

    def __init__(self, tag: Any, on: Callable[[], Hashable]) -> None:
        self._tag, self._on = tag, on
        self._texts: dict[Hashable, Any] = {}

    def render(self, context: Any) -> Any:
        """The text."""
        shared = context.render_context.dicts[0]
        if self._on not in shared:
            shared[self._on] = self._on()
        key = (shared[self._on], context.autoescape)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._tag.render(context)
        return text


def _is_constant(value: FilterExpression) -> bool:
    return not value.filters and (not value.is_var or getattr(value.var, "literal", None) is not None)


def _always() -> Hashable:
    return None


def _where() -> Hashable:
    return get_urlconf(), get_script_prefix()


def _keeps(compile_tag: Compile, is_constant: Callable[[Any], bool], on: Callable[[], Hashable]) -> Compile:
    def compiled(parser: Parser, token: Token) -> Any:
        tag = compile_tag(parser, token)
        return Kept(tag, on) if is_constant(tag) else tag

    return compiled


def _words_are_constant(tag: Any) -> bool:
    return not (tag.asvar or tag.message_context or tag.noop) and _is_constant(tag.filter_expression)


def _block_is_constant(tag: Any) -> bool:
    has_values = any(token.token_type == TokenType.VAR for token in tag.singular)
    return not (has_values or tag.plural or tag.countervar or tag.extra_context or tag.asvar or tag.message_context)


def _file_is_constant(tag: Any) -> bool:
    return tag.varname is None and _is_constant(tag.path)


def _address_is_constant(tag: Any) -> bool:
    return not (tag.args or tag.kwargs or tag.asvar) and _is_constant(tag.view_name)


def _icon_is_constant(tag: Any) -> bool:
    return tag.target_var is None and not tag.kwargs and all(_is_constant(each) for each in tag.args)


_own = Library()


@_own.simple_tag
def icon(name: str) -> SafeString:
    """The drawing of this name out of icons.svg, which says nothing to who hears the page read."""
    drawn = '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>'
    return format_html(drawn, static_files.static("icons.svg"), name)


_ICONS = {"bad": "stop", "warn": "warn", "ok": "check", "info": "info"}


@register.simple_block_tag
def notice(content: str, kind: str, role: str = "", drawing: str = "") -> SafeString:
    """A box that tells of something `bad`, to `warn` of, `ok` or only `info`, with the icon of its kind.

    `role` is "alert" or "status" for what has just happened, so that who hears the page read is told first.
    """
    spoken = format_html(' role="{}"', role) if role else ""
    box = '<div class="notice {}"{}>{}<div>{}</div></div>'
    return format_html(box, kind, spoken, icon(drawing or _ICONS[kind]), content)


register.tag("icon", _keeps(_own.tags["icon"], _icon_is_constant, _always))
for _name in ("translate", "trans"):
    register.tag(_name, _keeps(i18n.do_translate, _words_are_constant, translation.get_language))
for _name in ("blocktranslate", "blocktrans"):
    register.tag(_name, _keeps(i18n.do_block_translate, _block_is_constant, translation.get_language))
register.tag("static", _keeps(static_files.do_static, _file_is_constant, _always))
register.tag("url", _keeps(defaulttags.url, _address_is_constant, _where))
