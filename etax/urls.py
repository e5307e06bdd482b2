"""All addresses of the portal."""

from django.conf import settings
from django.urls import include, path

from accounts.views.signins import sign_out
from etax import errors
from etax.bureau.site import bureau
from etax.views import handbook, handover, home, phone
from etax.views.display import choose_display
from staff.views.login import login

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error

urlpatterns = [
    path("", home.home, name="home"),
    path("login/", login, name="login"),
    path("agreement/", home.agreement, name="agreement"),
    path("help/", handbook.contents, name="help"),
    path("help/<slug:slug>/", handbook.help_page, name="help_page"),
    path("display/", choose_display, name="choose_display"),
    path("logout/", sign_out, name="sign_out"),
    path("handover/redeem/", handover.redeem, name="redeem_ticket"),
    path("bureau/", bureau.urls),
    path("", include("accounts.urls")),
    path("", include("realname.urls")),
    path("", include("staff.urls")),
    path("", include("agencies.urls")),
]

if settings.SSO:
    urlpatterns.append(path("sso/", include("etax.sso.urls")))

if settings.DEBUG:
    urlpatterns += [
        path("demo/phone/", phone.simulated_phone, name="simulated_phone"),
        path("demo/social-insurance/", handover.social_insurance_stand_in, name="social_insurance_stand_in"),
    ]

if settings.DEBUG and settings.SSO:
    from etax.sso import stand_in

    urlpatterns += [
        path("demo/system/<slug:name>/", stand_in.enter, name="stand_in"),
        path("demo/system/<slug:name>/callback/", stand_in.callback, name="stand_in_callback"),
        path("demo/system/<slug:name>/inside/", stand_in.inside, name="stand_in_inside"),
        path("demo/system/<slug:name>/logout/", stand_in.told_of_end, name="stand_in_logout"),
    ]
