"""Django's own tags `translate`, `blocktranslate`, `static` and `url`, which keep what is always the same.

A page has a hundred of them that depend on nothing but the language, and looking all of them up anew took half the time
of drawing it. These tags are there in every template; one that loads `i18n` or `static` gets Django's.
"""

from collections.abc import Callable, Hashable
from typing import Any

from django.template import Library, defaulttags
from django.template.base import FilterExpression, Node, Parser, Token, TokenType
from django.templatetags import i18n
from django.templatetags import static as static_files
from django.urls import get_script_prefix, get_urlconf
from django.utils import translation

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


for _name in ("translate", "trans"):
    register.tag(_name, _keeps(i18n.do_translate, _words_are_constant, translation.get_language))
for _name in ("blocktranslate", "blocktrans"):
    register.tag(_name, _keeps(i18n.do_block_translate, _block_is_constant, translation.get_language))
register.tag("static", _keeps(static_files.do_static, _file_is_constant, _always))
register.tag("url", _keeps(defaulttags.url, _address_is_constant, _where))
