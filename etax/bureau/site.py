"""The back office as a Django admin site: read-only lists by Django, every act a page of our own (AUZ-01, CFG-05)."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts import officers
from accounts.models import AuditEntry, Person, Taxpayer
from accounts.requests import Request
from etax.bureau import lists, urls
from realname.models import Post, RealNameRecord

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class BureauSite(AdminSite):
    """Django's site without its own sign-in, password pages and look: who comes in is said by the middleware."""

    site_header = site_title = index_title = _("税务人员后台")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether it is an officer, come in by the officers' door."""
        return bool(request.actor.is_officer)  # type: ignore[attr-defined]  # set by our middleware

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """The view for officers alone, only to be looked at; caching is forbidden to all pages of the portal anyway."""

        @require_safe
        @functools.wraps(view)
        def guarded(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            officers.require(request.actor)
            return view(request, *args, **kwargs)

        return cast("View", guarded)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Nothing but the site's name: the menu is our own."""
        return {"site_title": self.site_title}

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The pages of the acts, and a list for each registered model."""
        registered = (
            path(f"{model._meta.app_label}/{model._meta.model_name}/", include(admin.urls))
            for model, admin in self._registry.items()
        )
        return [*urls.urlpatterns, *registered]


bureau = BureauSite(name="bureau")
bureau.register(Taxpayer, lists.TaxpayerList)
bureau.register(Person, lists.PersonList)
bureau.register(Post, lists.PostList)
bureau.register(RealNameRecord, lists.RealNameList)
bureau.register(AuditEntry, lists.EntryList)
