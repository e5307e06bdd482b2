"""A code that an officer sends at the counter is none that a stranger can ask for: it is counted apart (D14)."""

from django.db import migrations, models
from django.db.models.functions import Now

PURPOSES = {
    "sign_in": "登录电子税务局",
    "change_password": "修改密码",
    "step_up": "身份验证",
    "person_sign_in": "登录自然人账户",
    "forgotten": "找回密码",
    "register": "注册自然人账户",
    "phone_change": "变更手机号码",
    "collection": "实名采集",
    "counter_collection": "实名采集",
    "switch_capacity": "切换身份",
    "officer_sign_in": "登录税务人员后台",
    "declaration_password": "查看或重置申报密码",
}


def take_back(apps, schema_editor):
    """The release before knows one purpose for both; such a code would be wrong there, so it is closed."""
    codes = apps.get_model("accounts", "SmsCode").objects.filter(purpose="counter_collection")
    codes.filter(closed_at__isnull=True).update(closed_at=Now())
    codes.update(purpose="collection")
    apps.get_model("accounts", "SmsMessage").objects.filter(kind="counter_collection").update(kind="collection")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_kinds_are_known_of_all")]

    operations = [
        migrations.RemoveConstraint("smscode", "sms_code_purpose_is_known"),
        migrations.RemoveConstraint("smsmessage", "sms_message_kind_is_known"),
        migrations.AlterField("smscode", "purpose", models.CharField(choices=list(PURPOSES.items()), max_length=20)),
        migrations.AddConstraint(
            "smscode",
            models.CheckConstraint(condition=models.Q(purpose__in=list(PURPOSES)), name="sms_code_purpose_is_known"),
        ),
        migrations.AddConstraint(
            "smsmessage",
            models.CheckConstraint(
                condition=models.Q(kind__in=[*PURPOSES, "notice"]), name="sms_message_kind_is_known"
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, take_back),
    ]
