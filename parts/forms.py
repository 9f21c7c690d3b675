"""Cleaning of what people type and upload on the pages; ``save`` calls ``workflow``."""

from datetime import datetime
from functools import cached_property

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import HttpRequest, QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from . import uploads, vocabulary, workflow
from .errors import FileRefused, FileTooBig, NoRoom, ScannerAway
from .models import Part, PartEvent, PartFile, Priority, Type
from .uploads import StoredUpload

MOST_PIECES = 2_147_483_647  # what the column holds on every database


class PageForm(forms.Form):
    """A form that knows its request, and the status of the page with its errors."""

    def __init__(self, *args, request: HttpRequest, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.request = request

    @property
    def status(self) -> int:
        return self._refusal.status if self._refusal else 422

    @property
    def wait(self) -> int | None:
        """Seconds after which its file may be taken after all."""
        return self._refusal and self._refusal.wait

    @property
    def _refusal(self) -> type[FileRefused] | None:
        """Why its file was not taken, if that is not for what is in it."""
        for refused in (FileTooBig, NoRoom, ScannerAway):
            if "file" in self.fields and self.has_error("file", refused.code):
                return refused
        return None


class RevisionForm(PageForm):
    """A newer file of a part that exists."""

    file = forms.FileField(
        label=_lazy("File"),
        required=False,
        allow_empty_file=True,  # refused with our own words
        widget=forms.FileInput(attrs={"accept": ",".join(uploads.SUFFIXES)}),
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        limit = {"data-limit-bytes": settings.UPLOAD_LIMIT_BYTES}
        self.fields["file"].widget.attrs.update(limit)

    def clean_file(self) -> StoredUpload:
        try:
            files = uploads.received_all(self.request)
            if not files:
                raise ValidationError(_("Choose a .step, .stp or .pdf file."))
            return uploads.store(files[-1])
        except FileRefused as error:
            raise ValidationError(str(error), code=error.code) from error

    def save(self, part: Part) -> PartFile:
        upload = self.cleaned_data["file"]
        return workflow.attach(part, upload, actor=self.request.user)


def _text(column: str, *, required: str = "", **kwargs) -> forms.CharField:
    """Return the field of a text column; ``required`` is said when it is empty."""
    return forms.CharField(
        max_length=Part._meta.get_field(column).max_length,
        required=bool(required),
        error_messages={"required": required} if required else None,
        **kwargs,
    )


def _suggesting(name: str) -> forms.TextInput:
    return forms.TextInput(attrs={"list": name, "autocomplete": "off"})


class WebAddressField(forms.URLField):
    default_validators = [URLValidator(schemes=["http", "https"])]


class PartFields(PageForm):
    """What is written about a part."""

    name = _text("name", label=_lazy("Name"))
    subsystem = _text(
        "subsystem",
        label=_lazy("Subsystem"),
        required=_lazy("Say which subsystem it belongs to."),
        widget=_suggesting("subsystems"),
    )
    type = forms.ChoiceField(
        label=_lazy("How it is made"),
        choices=Type,
        widget=forms.RadioSelect,
        error_messages={"required": _lazy("Say how it is made.")},
    )
    material = _text(
        "material", label=_lazy("Material"), widget=_suggesting("materials")
    )
    material_thickness = _text(
        "material_thickness",
        label=_lazy("Thickness"),
        help_text=_lazy("With its unit: 6 mm."),
        widget=_suggesting("thicknesses"),
    )
    service_method = _text(
        "service_method",
        label=_lazy("Supplier or process"),
        help_text=_lazy("Where it comes from: a shop, a printer, a coater."),
    )
    amount = forms.IntegerField(
        label=_lazy("Amount"),
        min_value=1,
        max_value=MOST_PIECES,
        initial=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
        error_messages={
            "required": _lazy("Say how many pieces are needed."),
            "min_value": _lazy("At least one piece."),
            "max_value": _lazy("That is more than any shop can make."),
        },
    )
    priority = forms.TypedChoiceField(
        label=_lazy("Priority"),
        choices=Priority,
        coerce=int,
        initial=Priority.NORMAL.value,
    )
    due_date = forms.DateField(
        label=_lazy("Due"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _lazy("Enter a date as year-month-day.")},
    )
    notes = _text(
        "notes",
        label=_lazy("Notes"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_lazy(
            "What whoever makes it has to know: tolerances, finish, tools."
        ),
    )
    onshape_url = WebAddressField(
        label=_lazy("Onshape link"),
        max_length=Part._meta.get_field("onshape_url").max_length,
        required=False,
        assume_scheme="https",
        error_messages={"invalid": _lazy("This is no web address.")},
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not self.request.user.can_lead:
            for name in workflow.LEADS_ONLY & self.fields.keys():
                del self.fields[name]

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_subsystem(self) -> str:
        return " ".join(self.cleaned_data["subsystem"].split())

    def clean_notes(self) -> str:
        return self.cleaned_data["notes"].replace("\r\n", "\n")

    @cached_property
    def words(self) -> dict[str, list[str]]:
        """What the team wrote before, to be offered again, most used first."""
        return vocabulary.in_use()


class EditForm(PartFields):
    """A part's fields as they stood when the form was opened.

    Each field carries what it showed at first (Django's hidden initial), so
    that only what was changed here is written, whatever others did meanwhile.
    """

    def __init__(self, *args, part: Part, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.part = part
        for name, field in self.fields.items():
            field.show_hidden_initial = True
            self.initial[name] = getattr(part, name)
        self.meanwhile: list[PartEvent] | None = None

    @property
    def version(self) -> str:
        return self.part.updated_at.isoformat()

    def is_stale(self) -> bool:
        """Whether somebody changed the part since the form was opened."""
        return self._opened_at not in {None, self.part.updated_at}

    def rebased(self) -> "EditForm":
        """Return the form on top of what others did: what was not changed here
        shows theirs, what was is kept, and ``meanwhile`` tells of them."""
        fresh = self._anew()
        data = self.data.copy()
        data["version"] = fresh.version
        form = self._anew(data)
        for name in self.fields:
            theirs = fresh.shown(name)
            if name not in self.changed_data:
                data[name] = theirs
            elif theirs != self._opened_on(name):
                told = _("Meanwhile it became: %(theirs)s")
                form.fields[name].help_text = told % {"theirs": theirs or _("empty")}
            data[f"initial-{name}"] = theirs
        form.meanwhile = list(self.part.events.since(self._opened_at))
        return form

    def save(self) -> Part:
        changes = {name: self.cleaned_data[name] for name in self.changed_data}
        return workflow.edit(self.part, actor=self.request.user, **changes)

    def shown(self, name: str) -> str:
        """Return what the field shows, as a browser sends it."""
        value = self[name].value()
        return "" if value is None else _one_newline(str(value))

    def _opened_on(self, name: str) -> str | None:
        """Return what the field showed when the form was opened, if that was sent."""
        sent = self.data.get(f"initial-{name}")
        return sent if sent is None else _one_newline(sent)

    def _anew(self, data: QueryDict | None = None) -> "EditForm":
        return EditForm(data, part=self.part, request=self.request)

    @property
    def _opened_at(self) -> datetime | None:
        try:
            moment = parse_datetime(self.data.get("version", ""))
        except ValueError:
            return None
        return moment if moment and moment.tzinfo else None


class FieldForm(EditForm):
    """One field of a part, changed where it stands.

    What others changed meanwhile hinders it only if it was this field.

    Raises:
        KeyError: a part has no such field, or not for this reader.
    """

    def __init__(self, *args, field: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.only = field
        self.fields = {field: self.fields[field]}

    @property
    def field(self) -> forms.BoundField:
        return self[self.only]

    def is_stale(self) -> bool:
        stands = self._anew().shown(self.only)
        return super().is_stale() and self._opened_on(self.only) not in {None, stands}

    def _anew(self, data: QueryDict | None = None) -> "FieldForm":
        return FieldForm(data, field=self.only, part=self.part, request=self.request)


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n")  # which browsers send for every newline
