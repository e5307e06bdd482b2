"""The former documents written down before get their hashes, in a transaction of its own: nobody waits for it."""

import logging

from django.db import migrations

from accounts import sealing

logger = logging.getLogger(__name__)


def hash_former(apps, schema_editor):
    """Hash each; what can't be opened stays as it is, as in `rotate_keys`."""
    collections = apps.get_model("realname", "Collection").objects
    unhashed = collections.filter(former_id_number_hash="").exclude(former_id_number="")
    for key in list(unhashed.values_list("pk", flat=True)):
        try:
            collections.get(pk=key).save(update_fields=["former_id_number_hash"])
        except sealing.SealBroken:
            logger.exception("realname.Collection %s can't be opened and stays as it is", key)


class Migration(migrations.Migration):
    dependencies = [("realname", "0005_former_document_found")]

    operations = [migrations.RunPython(hash_former, migrations.RunPython.noop)]
