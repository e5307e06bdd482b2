"""Addresses of the acts, under /bureau/ and in the site's own namespace."""

from django.urls import path

from etax.bureau.views import collecting, entry, finding, people, posts, reviews, taxpayers

urlpatterns = [
    path("", finding.index, name="index"),
    path("login/", entry.login, name="login"),
    path("login/code/", entry.code, name="code"),
    path("login/code/send/", entry.send_code, name="send_code"),
    path("find/taxpayer/", finding.find_taxpayer, name="find_taxpayer"),
    path("find/person/", finding.find_person, name="find_person"),
    path("open/", taxpayers.open_new_account, name="open_new_account"),
    path("taxpayer/<uuid:uid>/", taxpayers.taxpayer, name="taxpayer"),
    path("taxpayer/<uuid:uid>/open/", taxpayers.open_account, name="open_account"),
    path("taxpayer/<uuid:uid>/reset/", taxpayers.reset_password, name="reset_password"),
    path("taxpayer/<uuid:uid>/unlock/", taxpayers.unlock_taxpayer, name="unlock_taxpayer"),
    path("taxpayer/<uuid:uid>/record/", taxpayers.taxpayer_record, name="taxpayer_record"),
    path("taxpayer/<uuid:uid>/posts/add/", posts.add_post, name="add_post"),
    path("post/<int:pk>/link/", posts.link, name="link"),
    path("post/<int:pk>/phones/", posts.change_phones, name="change_phones"),
    path("post/<int:pk>/move/", posts.move_landline, name="move_landline"),
    path("post/<int:pk>/end/", posts.end_post, name="end_post"),
    path("person/<uuid:uid>/", people.person, name="person"),
    path("person/<uuid:uid>/show/", people.show, name="show"),
    path("person/<uuid:uid>/unlock/", people.unlock_person, name="unlock_person"),
    path("person/<uuid:uid>/record/", people.person_record, name="person_record"),
    path("reviews/", reviews.reviews, name="reviews"),
    path("reviews/misuse/<uuid:uid>/", reviews.decide_misuse, name="decide_misuse"),
    path("collect/", collecting.collect, name="collect"),
    path("collect/code/", collecting.collect_code, name="collect_code"),
    path("collect/code/send/", collecting.send_collect_code, name="send_collect_code"),
]
