"""Addresses of the staff floor."""

from django.urls import path

from staff.views import function, login, operations, password

app_name = "staff"
urlpatterns = [
    path("login/enterprise/person/", login.choose_person, name="choose_person"),
    path("login/enterprise/sms/", login.verify_by_sms, name="verify_by_sms"),
    path("login/enterprise/sms/send/", login.send_code, name="send_code"),
    path("login/enterprise/password/", login.verify_by_password, name="verify_by_password"),
    path("login/enterprise/new-password/", login.set_password, name="set_password"),
    path("account/password/", password.change_password, name="change_password"),
    path("account/step-up/", password.step_up, name="step_up"),
    path("account/step-up/send/", password.send_step_up_code, name="send_step_up_code"),
    path("staff/operations/", operations.operations, name="operations"),
    path("functions/<str:code>/", function.function, name="function"),
]
