"""What a browser calls itself, in words for people."""

from django.utils.translation import gettext as _

_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("QQBrowser", "QQ Browser"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
"""The first word found in a user agent names it: most call themselves by others' names as well."""


def in_words(user_agent: str) -> str:
    """Edge（Windows）, or as much of it as can be told; nothing of the user agent itself is shown."""
    browser = next((name for word, name in _BROWSERS if word in user_agent), _("其他浏览器"))
    system = next((name for word, name in _SYSTEMS if word in user_agent), "")
    return _("%(browser)s（%(system)s）") % {"browser": browser, "system": system} if system else browser
