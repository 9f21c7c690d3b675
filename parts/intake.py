"""Handing in: one form for each part, and the files that were sent for them."""

import re
from collections.abc import Iterator
from functools import cached_property
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms import BoundField
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from . import drafts, guesses, tasks, uploads, vocabulary, workflow
from .errors import FileRefused
from .forms import PageForm, PartFields
from .models import DraftFile, Kind, Part, Type
from .uploads import StoredUpload

MOST_PARTS = 50
OFFERS = 3
# What is said once, of all parts that are handed in together.
COMMON = frozenset({"subsystem", "priority", "due_date", "notes", "onshape_url"})
_ROW = re.compile(r"[0-9a-z]{0,12}")


class PartForm(PartFields):
    """One part of those that are handed in together.

    Its own fields have the prefix of its row; the common ones have none, so that
    every form of the page reads the same.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # What its part is to have; it makes handing in twice harmless.
        self.part_uuid = _uuid(self.data.get(self.add_prefix("uuid"))) or uuid4()
        self.drafts: list[drafts.Draft] = []
        shown = self.data.getlist("sent") if self.is_bound else []
        self.had_files = str(self.part_uuid) in shown  # when the page was made
        self.part: Part | None = None  # what a first of two taps made of it
        self.fields["name"].help_text = _("Left empty, it is taken from the file.")
        self.fields["type"].error_messages["required"] = _("Say how it is made.")
        # What is bought or sent out may be of anything; what is made here is not.
        material = self.fields["material"]
        material.required = self.data.get(self.add_prefix("type")) != Type.MISC
        material.error_messages["required"] = _("Say what it is made of.")

    def add_prefix(self, field_name: str) -> str:
        return field_name if field_name in COMMON else super().add_prefix(field_name)

    @property
    def row(self) -> str:
        return self.prefix or ""

    @property
    def label(self) -> str:
        """What it is called among others while it has no part."""
        file = self.drafts[0].file.name if self.drafts else ""
        return self["name"].value() or file

    @property
    def uuid_name(self) -> str:
        return self.add_prefix("uuid")

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.had_files and not self.drafts:
            # Without it a part would be handed in that nobody meant.
            said = _("Its file was kept for a day only and is gone. Choose it again.")
            raise ValidationError(said)
        if not cleaned.get("name") and not self.has_error("name"):
            if self.drafts:
                file = self.drafts[0].file
                cleaned["name"] = guesses.name_of(file, file.product)
            else:
                said = _("Give it a name, or a file that has one.")
                self.add_error("name", said)
        return cleaned

    def save(self) -> Part:
        """Hand the part in, or return what was handed in by a first of two taps."""
        actor = self.request.user
        first, *others = [_upload(draft.file) for draft in self.drafts] or [None]
        try:
            with transaction.atomic():
                part = workflow.create(
                    actor=actor, upload=first, uuid=self.part_uuid, **self.cleaned_data
                )
                for upload in others:
                    workflow.attach(part, upload, actor=actor, is_beside_step=True)
                # What is still being converted is waited for, and cleared later:
                # equal files are converted once.
                steps = part.files.filter(kind=Kind.STEP)
                adopted = [tasks.adopt(file) for file in steps]
                if all(adopted):
                    ids = [draft.file.pk for draft in self.drafts]
                    DraftFile.objects.filter(pk__in=ids).delete()
        except IntegrityError:
            part = Part.objects.filter(uuid=self.part_uuid).first()
            if part is None:
                raise
            return part
        return part


class Files(forms.FileInput):
    allow_multiple_selected = True


class FilesForm(PageForm):
    """The files of all parts that are handed in together."""

    file = forms.Field(
        label=_lazy("File"),
        required=False,
        widget=Files(
            attrs={"accept": ",".join(uploads.SUFFIXES), "class": "drop__input"}
        ),
    )


class HandIn:
    """The page on which parts are handed in: a form for each.

    Without JavaScript the files come with the forms; with it they were sent before,
    each for the uuid that its part is to have.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.is_bound = request.method == "POST"
        self.files = FilesForm(request.POST if self.is_bound else None, request=request)
        self.handed_in: list[Part] = []
        if self.is_bound:
            data = request.POST.copy()
            rows = _rows(data)
            self._take_files(data, rows)
            _fill_down(data, rows)
            self.forms = self._forms(data, rows)
        else:
            self.forms = self._forms_of_files(request.GET.getlist("part"))

    def __iter__(self) -> Iterator[BoundField]:
        """List what can be wrong, as it stands on the page."""
        yield from self.files
        for form in self.forms:
            for field in form:
                if field.name not in COMMON:
                    if len(self.forms) > 1 and (label := form.label):
                        field.of_part = f"{label}, {field.label}"
                    yield field
        for field in self.forms[0]:
            if field.name in COMMON:
                yield field

    @property
    def errors(self) -> list:
        return [*self.non_field_errors, *(field for field in self if field.errors)]

    @property
    def non_field_errors(self) -> list[str]:
        return [error for form in self.forms for error in form.non_field_errors()]

    @property
    def has_files(self) -> bool:
        return any(form.drafts for form in self.forms)

    @property
    def limit_mb(self) -> int:
        return settings.UPLOAD_LIMIT_BYTES // 2**20

    @property
    def limit_bytes(self) -> int:
        return settings.UPLOAD_LIMIT_BYTES

    @property
    def common(self) -> PartForm:
        """The form from which the page shows what is said once."""
        return self.forms[0]

    @property
    def blank(self) -> PartForm:
        """A form of one more part, to be copied by the script."""
        return self._form(None, "new")

    @cached_property
    def words(self) -> dict[str, list[str]]:
        return vocabulary.in_use()

    @property
    def status(self) -> int:
        if not self.is_bound:
            return 200
        return self.files.status

    @property
    def has_more(self) -> bool:
        """Whether something rarer is filled in, or wrong."""
        if not self.is_bound:
            return False
        fields = [
            field for field in self.common if field.name in COMMON - {"subsystem"}
        ]
        return any(
            field.errors or field.name in self.common.changed_data for field in fields
        )

    def save(self) -> bool:
        """Hand in what is right; return whether that was everything.

        One wrong part does not hold up the others. A file that was refused does:
        without it a part would be handed in that nobody meant.
        """
        if self.files.errors:
            return False
        wrong = []
        for form in self.forms:
            if form.part is not None:
                self.handed_in.append(form.part)
            elif form.is_valid():
                self.handed_in.append(form.save())
            else:
                wrong.append(form)
        self.forms = wrong or self.forms
        return not wrong

    def _forms(self, data: QueryDict, rows: list[str]) -> list[PartForm]:
        forms = [self._form(data, row) for row in rows]
        uuids = [form.part_uuid for form in forms]
        found = drafts.sent_for(uuids, owner=self.request.user)
        parts = {part.uuid: part for part in Part.objects.filter(uuid__in=uuids)}
        for form in forms:
            form.drafts = found.get(form.part_uuid, [])
            form.part = parts.get(form.part_uuid)
            if form.part and form.part.deleted_at:  # and sent again: a new one
                form.part, form.part_uuid = None, uuid4()
        return forms

    def _forms_of_files(self, wanted: list[str]) -> list[PartForm]:
        """Return a form for each part that files wait for, at least one.

        The address names them, so that a page that is read again finds them.
        """
        uuids = [uuid for text in wanted[:MOST_PARTS] if (uuid := _uuid(text))]
        if not uuids:
            return [self._form(None, "")]
        found = drafts.sent_for(uuids, owner=self.request.user)
        done = set(Part.objects.filter(uuid__in=uuids).values_list("uuid", flat=True))
        forms = []
        for uuid in [uuid for uuid in found if uuid not in done]:
            form = self._form(None, str(len(forms) or ""))
            form.part_uuid, form.drafts = uuid, found[uuid]
            forms.append(form)
        return forms or [self._form(None, "")]

    def _form(self, data: QueryDict | None, row: str) -> PartForm:
        """Return one part's form, which offers what the team uses most as buttons."""
        form = PartForm(data, prefix=row, request=self.request)
        form.fields["subsystem"].offers = self.words["subsystems"][:OFFERS]
        form.fields["material"].offers = self.words["materials"][:OFFERS]
        return form

    def _take_files(self, data: QueryDict, rows: list[str]) -> None:
        """Keep the files that came with the forms; each group is a part's.

        The first part without a file gets the first group. Every further group is
        a part more, described as the first, but named after its file.
        """
        try:
            groups = drafts.by_part(uploads.received_all(self.request))
        except FileRefused as error:
            self._refuse(error)
            return
        for number, group in enumerate(groups):
            row = rows[0] if number == 0 else _add_row(data, rows)
            for upload in group:
                try:
                    drafts.keep(
                        upload,
                        part_uuid=UUID(data[_named(row, "uuid")]),
                        owner=self.request.user,
                    )
                except FileRefused as error:
                    self._refuse(error, upload.name if len(groups) > 1 else "")

    def _refuse(self, error: FileRefused, name: str = "") -> None:
        said = f"{uploads.bare_name(name)}: {error}" if name else str(error)
        self.files.add_error("file", ValidationError(said, code=error.code))


def _rows(data: QueryDict) -> list[str]:
    """Return the prefixes of the forms that were sent, each with a uuid in ``data``."""
    given = [row for row in data.getlist("rows") if _ROW.fullmatch(row)]
    rows = list(dict.fromkeys(given))[:MOST_PARTS] or [""]
    for row in rows:
        name = _named(row, "uuid")
        data[name] = str(_uuid(data.get(name)) or uuid4())
    return rows


def _add_row(data: QueryDict, rows: list[str]) -> str:
    row = next(str(n) for n in range(1, 10_000) if str(n) not in rows)
    for name in PartFields.base_fields.keys() - COMMON - {"name"}:
        if (first := _named(rows[0], name)) in data:
            data[_named(row, name)] = data[first]
    data[_named(row, "uuid")] = str(uuid4())
    rows.append(row)
    return row


def _fill_down(data: QueryDict, rows: list[str]) -> None:
    """Let a part without a material have that of the part above."""
    above = ""
    for row in rows:
        name = _named(row, "material")
        if not data.get(name, "").strip() and data.get(_named(row, "type")) != "misc":
            data[name] = above
        above = data.get(name) or above


def _named(row: str, name: str) -> str:
    return f"{row}-{name}" if row else name


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _upload(file: DraftFile) -> StoredUpload:
    return StoredUpload(
        kind=Kind(file.kind),
        name=file.name,
        stored_name=file.content.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
    )
