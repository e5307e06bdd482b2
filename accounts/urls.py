"""Addresses of the accounts floor."""

from django.urls import path

from accounts.views import pictures, signins

app_name = "accounts"
urlpatterns = [
    path("picture/<str:token>.png", pictures.picture, name="picture"),
    path("picture/<str:token>.wav", pictures.sound, name="sound"),
    path("picture/new/<slug:form>/", pictures.new_picture, name="new_picture"),
    path("account/sign-ins/", signins.sign_ins, name="sign_ins"),
    path("account/sign-ins/end-others/", signins.end_other_sign_ins, name="end_other_sign_ins"),
    path("account/sign-ins/acknowledge/", signins.acknowledge, name="acknowledge"),
    path("account/sign-ins/<uuid:uid>/end/", signins.end_sign_in, name="end_sign_in"),
]
