"""Addresses of the agencies' floor."""

from django.urls import path

from agencies.views import acted, clients, door, engagements, groups, handlers, recognition, terms, together

app_name = "agencies"
urlpatterns = [
    path("login/agency/", door.agency_login, name="agency_login"),
    path("login/agency/person/", door.agency_person, name="agency_person"),
    path("login/agency/sms/", door.agency_sms, name="agency_sms"),
    path("login/agency/sms/send/", door.agency_send_code, name="agency_send_code"),
    path("login/agency/password/", door.agency_password, name="agency_password"),
    path("login/agency/new-password/", door.agency_new_password, name="agency_new_password"),
    path("agencies/clients/", clients.clients, name="clients"),
    path("agencies/clients/<uuid:uid>/enter/", clients.enter, name="enter"),
    path("agencies/leave/", clients.leave, name="leave"),
    path("agencies/recognitions/", recognition.recognitions, name="recognitions"),
    path("agencies/recognitions/synchronise/", recognition.synchronise, name="synchronise"),
    path("agencies/recognitions/find/", recognition.find_agency, name="find_agency"),
    path("agencies/recognitions/<uuid:uid>/", recognition.recognition, name="recognition"),
    path("agencies/recognitions/<uuid:uid>/cancel/", recognition.cancel, name="cancel"),
    path("agencies/recognitions/<uuid:uid>/decline/", recognition.decline, name="decline"),
    path("agencies/recognitions/<uuid:uid>/change/", terms.change, name="change"),
    path("agencies/recognitions/<uuid:uid>/change/review/", terms.review_change, name="review_change"),
    path("agencies/recognitions/<uuid:uid>/change/save/", terms.save_change, name="save_change"),
    path("agencies/recognise/<uuid:uid>/", terms.recognise, name="recognise"),
    path("agencies/recognise/<uuid:uid>/review/", terms.review_recognition, name="review_recognition"),
    path("agencies/recognise/<uuid:uid>/save/", terms.save_recognition, name="save_recognition"),
    path("agencies/engagements/", engagements.engagements, name="engagements"),
    path("agencies/engagements/propose/", engagements.propose, name="propose"),
    path("agencies/engagements/together/", together.together, name="together"),
    path("agencies/engagements/<uuid:uid>/", engagements.engagement, name="engagement"),
    path("agencies/engagements/<uuid:uid>/withdraw/", engagements.withdraw, name="withdraw"),
    path("agencies/engagements/<uuid:uid>/handlers/", handlers.handlers, name="handlers"),
    path("agencies/engagements/<uuid:uid>/group/", groups.place, name="place"),
    path("agencies/groups/", groups.groups, name="groups"),
    path("agencies/groups/<uuid:uid>/rename/", groups.rename_group, name="rename_group"),
    path("agencies/groups/<uuid:uid>/delete/", groups.delete_group, name="delete_group"),
    path("agencies/operations/", acted.acted, name="acted"),
]
