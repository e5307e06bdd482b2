"""Addresses of the realname floor."""

from django.urls import path

from realname.models import Way
from realname.views import collecting, mine

app_name = "realname"
urlpatterns = [
    path("realname/", collecting.collect, name="collect"),
    path("realname/new/", collecting.who, {"way": Way.NEW}, name="new"),
    path("realname/supplement/", collecting.who, {"way": Way.SUPPLEMENT}, name="supplement"),
    path("realname/change/", collecting.who, {"way": Way.CHANGE}, name="change"),
    path("realname/code/", collecting.collect_code, name="collect_code"),
    path("realname/code/send/", collecting.collect_send, name="collect_send"),
    path("realname/consent/", collecting.consent, name="consent"),
    path("realname/card/front/", collecting.card_front, name="card_front"),
    path("realname/card/back/", collecting.card_back, name="card_back"),
    path("realname/details/", collecting.details, name="details"),
    path("realname/face/", collecting.face, name="face"),
    path("realname/result/", collecting.result, name="result"),
    path("realname/withdraw/", collecting.withdraw_collection, name="withdraw_collection"),
    path("realname/mine/", mine.mine, name="mine"),
    path("realname/mine/withdraw/", mine.withdraw_consent, name="withdraw_consent"),
    path("realname/photos/<uuid:uid>/", mine.photo, name="photo"),
]
