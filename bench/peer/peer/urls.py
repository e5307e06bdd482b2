"""allauth's pages, and a home page for who is signed in."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Who is signed in."""
    return render(request, "home.html")


urlpatterns = [path("", home), path("accounts/", include("allauth.account.urls"))]
