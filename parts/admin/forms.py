"""The form of a part: what is written about it, and a new file."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from parts import uploads, workflow
from parts.errors import FileRefused
from parts.models import Part
from parts.uploads import StoredUpload

_SCALAR = (str, bool, int, float)


class ExtraField(forms.JSONField):
    """A JSON object that every database and every browser can read back."""

    def to_python(self, value: Any) -> dict | None:
        try:
            value = super().to_python(value)
            # NaN and halves of characters are no JSON, though Python reads them.
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            text.encode()
        except (ValueError, RecursionError):
            raise ValidationError(_("This is not JSON that can be kept.")) from None
        if "\\u0000" in text:
            raise ValidationError(_("Text cannot hold the character 0."))
        if value is not None and not isinstance(value, dict):
            raise ValidationError(_("This must be an object: {…}."))
        for key, item in (value or {}).items():
            if not _is_flat(item):
                raise ValidationError(
                    _(
                        "“%(key)s” must be text, a number, true or false, or a "
                        "list or object of those."
                    )
                    % {"key": key}
                )
        return value

    def bound_data(self, data: Any, initial: Any) -> Any:
        # As it was typed: what cannot be kept cannot be written anew either.
        return InvalidJSONInput(data or "")

    def clean(self, value: Any) -> dict:
        return super().clean(value) or {}


def _is_flat(value: Any) -> bool:
    """Return whether clients of the API can read ``value``: one level, no null."""
    if isinstance(value, dict):
        value = list(value.values())
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, _SCALAR) for item in items)


class WebField(forms.URLField):
    default_validators = [URLValidator(schemes=["http", "https"])]

    def __init__(self, **kwargs) -> None:
        super().__init__(assume_scheme="https", **kwargs)


def take(request: HttpRequest) -> StoredUpload | FileRefused | None:
    """Store the file that came with the form; return that, or why it is not taken."""
    try:
        files = uploads.received_all(request, "upload")
        return uploads.store(files[-1]) if files else None
    except FileRefused as error:
        return error


class PartForm(forms.ModelForm):
    """What is written about a part, and a new file.

    ``request`` is set by the admin on the class it makes for each request; what was
    uploaded with it is ``taken`` already.
    """

    request: HttpRequest
    extra = ExtraField(
        required=False,
        help_text=Part._meta.get_field("extra").help_text,
        widget=forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField"}),
    )
    upload = forms.FileField(
        label=_("New file"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ",".join(uploads.SUFFIXES)}),
        help_text=_(
            "A STEP file (.step, .stp) or a drawing (.pdf). It becomes "
            "the newest revision; the older ones are kept."
        ),
    )

    class Meta:
        model = Part
        fields = sorted(workflow.EDITABLE)
        field_classes = {"onshape_url": WebField}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # What the server keeps there no form writes; workflow leaves it as it is.
        self.initial["extra"] = {
            key: value
            for key, value in self.instance.extra.items()
            if key not in workflow.SERVERS_OWN
        }
        if self.instance.pk:
            # The page posts what it showed beside what was typed, so that only
            # what this person changed is written, not what others did since.
            for name in workflow.EDITABLE & self.fields.keys():
                self.fields[name].show_hidden_initial = True

    def clean_amount(self) -> int:
        if self.cleaned_data["amount"] < 1:
            raise ValidationError(_("At least one piece is made."))
        return self.cleaned_data["amount"]

    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        if self.instance.pk and not code:
            raise ValidationError(_("A part keeps a number; give it another."))
        return code

    def clean_upload(self) -> StoredUpload | None:
        if isinstance(self.request.taken, FileRefused):
            raise ValidationError(str(self.request.taken)) from self.request.taken
        return self.request.taken

    def typed(self) -> dict[str, Any]:
        """Return the fields of a part that were changed on the page."""
        return {
            name: self.cleaned_data[name]
            for name in self.changed_data
            if name in workflow.EDITABLE
        }
