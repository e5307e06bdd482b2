"""实名采集: whose identity document and face were seen (RealNameRecord)."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.constraints import in_order, one_of
from accounts.fields import SealedTextField
from accounts.models import Person


class CollectionMethod(models.TextChoices):
    """Where a real name was collected (M83)."""

    COUNTER = "counter", _("税务机关前台采集")
    APP = "app", _("移动办税采集")


class RealNameRecord(models.Model):
    """实名采集: that, when and how a person's identity document and face were seen. `phone` is what he proved then."""

    Method = CollectionMethod

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="real_name_records")
    phone = SealedTextField(_("手机号"), blank=True, default="")
    method = models.CharField(max_length=16, choices=CollectionMethod.choices)
    collected_at = models.DateTimeField(default=timezone.now)
    collected_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            one_of("method", CollectionMethod, name="real_name_method_is_known"),
            in_order("collected_at", "revoked_at", name="real_name_collected_before_revoked"),
            models.UniqueConstraint(
                "person", condition=Q(revoked_at__isnull=True), name="one_valid_real_name_record_per_person"
            ),
        )

    def __str__(self) -> str:
        return f"real-name record {self.pk}"
