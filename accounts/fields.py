"""Database fields for personal data: sealed text, and the look-up hash that stands beside it (CRY-01)."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact

from accounts import sealing

if TYPE_CHECKING:  # the stubs' fields are generic, Django's own are not
    TextField = models.TextField[str, str]
    CharField = models.CharField[str, str]
else:
    TextField, CharField = models.TextField, models.CharField


class SealedTextField(TextField):
    """Text that the database only sees sealed. It can't be searched; a `LookupHashField` beside it can."""

    @property
    def place(self) -> str:
        """The model and column a value is sealed for, so that a value moved elsewhere doesn't open."""
        return f"{self.model._meta.label_lower}.{self.attname}"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """The text in clear. Raises `SealBroken` where the stored value was tampered with."""
        return sealing.unseal(value, place=self.place) if value else value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """The sealed text; an empty one stays empty."""
        prepared = super().get_db_prep_save(value, connection)
        return sealing.seal(prepared, place=self.place) if isinstance(prepared, str) and prepared else prepared

    def get_lookup(self, lookup_name: str) -> Any:
        """Only `isnull` and `=""`: any other look-up would compare seals, which never match."""
        if lookup_name not in ("isnull", "exact"):
            raise FieldError(f"{self.name} is sealed: look it up by its hash, whole")
        return super().get_lookup(lookup_name)


@SealedTextField.register_lookup
class IsEmpty(Exact):
    """`=""`, the one comparison that a sealed field bears: nothing is kept there."""

    def get_prep_lookup(self) -> Any:
        """The empty string. Raises FieldError for any other value."""
        if self.rhs != "":
            raise FieldError("a sealed field can only be compared with the empty string")
        return super().get_prep_lookup()


class LookupHashField(CharField):
    """The keyed hash of a sealed field of the same row, kept in step with it at every save."""

    def __init__(self, *args: Any, of: str = "", **kwargs: Any) -> None:
        self.of = of
        kwargs.setdefault("max_length", 96)
        kwargs.setdefault("editable", False)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Migrations keep which field the hash is of."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """The hash of what the sealed field holds now."""
        value = getattr(model_instance, self.of)
        hashed = sealing.lookup_hash(value) if value else ""
        setattr(model_instance, self.attname, hashed)
        return hashed
