"""Addresses of the staff floor."""

from django.urls import path

from staff.views import (
    acts,
    adding,
    authorisations,
    enterprise_password,
    function,
    identities,
    login,
    members,
    operations,
    password,
    quick,
    sync,
)

app_name = "staff"
urlpatterns = [
    path("login/enterprise/quick/", quick.quick_login, name="quick_login"),
    path("login/enterprise/quick/person/", quick.quick_person, name="quick_person"),
    path("login/enterprise/quick/code/", quick.quick_code, name="quick_code"),
    path("login/enterprise/quick/code/send/", quick.send_quick_code, name="send_quick_code"),
    path("login/enterprise/person/", login.choose_person, name="choose_person"),
    path("login/enterprise/sms/", login.verify_by_sms, name="verify_by_sms"),
    path("login/enterprise/sms/send/", login.send_code, name="send_code"),
    path("login/enterprise/password/", login.verify_by_password, name="verify_by_password"),
    path("login/enterprise/new-password/", login.set_password, name="set_password"),
    path("account/password/", password.change_password, name="change_password"),
    path("account/step-up/", password.step_up, name="step_up"),
    path("account/step-up/send/", password.send_step_up_code, name="send_step_up_code"),
    path("staff/", members.members, name="members"),
    path("staff/members/<uuid:uid>/", members.member, name="member"),
    path("staff/members/<uuid:uid>/remove/", acts.remove, name="remove"),
    path("staff/members/<uuid:uid>/freeze/", acts.freeze, name="freeze"),
    path("staff/members/<uuid:uid>/unfreeze/", acts.unfreeze, name="unfreeze"),
    path("staff/members/<uuid:uid>/bind/", acts.bind, name="bind"),
    path("staff/members/<uuid:uid>/unbind/", acts.unbind, name="unbind"),
    path("staff/members/<uuid:uid>/reset-password/", acts.reset_password, name="reset_password"),
    path("staff/members/<uuid:uid>/rights/", acts.change_rights, name="change_rights"),
    path("staff/members/<uuid:uid>/end-sign-ins/", acts.end_sign_ins, name="end_sign_ins"),
    path("staff/members/<uuid:uid>/id-number/", members.show_number, {"which": "id_number"}, name="show_id_number"),
    path("staff/members/<uuid:uid>/phone/", members.show_number, {"which": "phone"}, name="show_phone"),
    path("staff/identities/", identities.identities, name="identities"),
    path("staff/identities/review/", identities.review_identity, name="review_new_identity"),
    path("staff/identities/save/", identities.save_identity, name="save_new_identity"),
    path("staff/identities/<uuid:uid>/", identities.identity, name="identity"),
    path("staff/identities/<uuid:uid>/review/", identities.review_identity, name="review_identity"),
    path("staff/identities/<uuid:uid>/save/", identities.save_identity, name="save_identity"),
    path("staff/identities/<uuid:uid>/delete/", identities.delete_identity, name="delete_identity"),
    path("staff/add/", adding.search_candidate, name="search_candidate"),
    path("staff/add/<str:token>/", adding.add_member, name="add_member"),
    path("staff/synchronise/", sync.synchronise, name="synchronise"),
    path("staff/authorisations/", authorisations.authorisations, name="authorisations"),
    path("staff/authorisations/withdraw/", authorisations.withdraw_authorisation, name="withdraw_authorisation"),
    path(
        "staff/enterprise-password/", enterprise_password.change_enterprise_password, name="change_enterprise_password"
    ),
    path("staff/operations/", operations.operations, name="operations"),
    path("functions/<str:code>/", function.function, name="function"),
]
