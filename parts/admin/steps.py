"""The steps of ``workflow`` as the admin offers them: one by one and in bulk."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, AdminForm
from django.db.models import BooleanField, ExpressionWrapper
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from parts import workflow
from parts.errors import PartError
from parts.models import Category, Part, Status, Verb

# A step costs a handful of queries; more parts would keep a request too long,
# and the page that asks would send more fields than Django takes.
MOST_AT_ONCE = 500
_NAME = {"class": "vTextField", "list": "people", "autocomplete": "off"}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        help_text=_("What has to be changed. Whoever handed it in reads this."),
    )


class ReopenForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        help_text=_("Kept in the history. It may be left empty."),
    )


class WorkerForm(forms.Form):
    worker = forms.CharField(
        label=_("Name"),
        max_length=100,
        widget=forms.TextInput(attrs=_NAME),
        help_text=_(
            "Whoever has it now loses it. The names of the team are suggested."
        ),
    )


class HolderForm(forms.Form):
    assigned = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs=_NAME),
        help_text=_("Left empty, it is nobody's."),
    )


class PlaceForm(forms.Form):
    storage = forms.CharField(
        label=_("Storage place"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("Where it lies. Left empty, the place that is noted stays."),
    )


class MoveForm(forms.Form):
    category = forms.ChoiceField(
        required=False, choices=[("", _("As it is")), *Category.choices]
    )
    status = forms.ChoiceField(
        required=False, choices=[("", _("What follows from it")), *Status.choices]
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        if not (self.errors or said["category"] or said["status"]):
            raise forms.ValidationError(_("Choose a category or a status."))
        return said


@dataclass(frozen=True)
class Step:
    """What a lead may do with parts.

    Attributes:
        label: what is pressed.
        deed: how “3 parts are …” ends; may name what the form was told.
        verb: whose policy in ``workflow`` says where the step can be taken.
        form: what has to be said first; an empty one asks whether it is meant.
        text: what is told before it is taken.
        wanted: whether its button helps a part that the policy lets take it.
    """

    label: str
    deed: str
    take: Callable[..., object]
    verb: Verb
    form: type[forms.Form] | None = None
    text: str = ""
    wanted: Callable[[Part], bool] = lambda part: True


STEPS = {
    "approve": Step(_("Approve"), _("approved"), workflow.approve, Verb.APPROVED),
    "send_back": Step(
        _("Send back"), _("sent back"), workflow.send_back, Verb.SENT_BACK, ReasonForm
    ),
    "resubmit": Step(
        _("Hand in again"), _("handed in again"), workflow.resubmit, Verb.RESUBMITTED
    ),
    "start": Step(
        _("Start"),
        _("in progress"),
        workflow.start,
        Verb.STARTED,
        wanted=lambda part: bool(part.assigned),
    ),
    "accept": Step(
        _("Accept the new file"),
        _("made from the newest file now"),
        workflow.accept_revision,
        Verb.ACCEPTED,
        wanted=lambda part: part.is_outdated,
    ),
    "complete": Step(
        _("Finish"), _("completed"), workflow.complete, Verb.COMPLETED, PlaceForm
    ),
    "reassign": Step(
        _("Give to somebody"),
        _("given to {worker}"),
        workflow.reassign,
        Verb.ASSIGNED,
        WorkerForm,
    ),
    "unclaim": Step(
        _("Let go"),
        _("free to take again"),
        workflow.unclaim,
        Verb.UNCLAIMED,
        wanted=lambda part: bool(part.assigned),
    ),
    "hold": Step(
        _("Put the name right"),
        _("noted with that name"),
        workflow.update,
        Verb.EDITED,
        HolderForm,
        text=_("Whose it is, or who made it; no clock is started."),
        wanted=lambda part: not part.in_shop,
    ),
    "revert": Step(
        _("Reopen"),
        _("in production again"),
        workflow.revert,
        Verb.REVERTED,
        ReopenForm,
        text=_(
            "It goes back to the lane of its type, and its count of made pieces to 0."
        ),
    ),
    "move": Step(
        _("Put elsewhere"),
        _("moved"),
        workflow.move,
        Verb.EDITED,
        MoveForm,
        text=_(
            "For data that is wrong. Where a step leads there, that step "
            "is taken, with all that follows from it."
        ),
    ),
    "retry": Step(
        _("Convert again"),
        _("queued for conversion"),
        workflow.convert_again,
        Verb.EDITED,
        wanted=lambda part: (
            bool(part.current_step) and not part.current_step.is_converting
        ),
    ),
    "trash": Step(
        _("Move to trash"),
        _("in the trash"),
        workflow.trash,
        Verb.TRASHED,
        forms.Form,
        text=_("What is in the trash can be restored for 30 days."),
    ),
    "restore": Step(_("Restore"), _("restored"), workflow.restore, Verb.RESTORED),
}
BULK = (
    "approve",
    "send_back",
    "reassign",
    "unclaim",
    "complete",
    "revert",
    "retry",
    "trash",
    "restore",
)


def offered(part: Part) -> list[dict[str, Any]]:
    """Return the buttons of a part's page: the steps its state allows.

    The database is asked with the policy itself, so that no second wording of
    it can go another way.
    """
    policies = {
        name: ExpressionWrapper(workflow.POLICY[step.verb], BooleanField())
        for name, step in STEPS.items()
    }
    allowed = Part.objects.filter(pk=part.pk).values(**policies).get()
    return [
        {
            "label": step.label,
            "url": reverse("admin:parts_part_step", args=[part.pk, name]),
            "asks": step.form is not None,
        }
        for name, step in STEPS.items()
        # The trash has its place among the buttons that save.
        if allowed[name] and step.wanted(part) and name != "trash"
    ]


def run(
    request: HttpRequest,
    name: str,
    parts: Sequence[Part],
    *,
    site: AdminSite,
    back: str,
    bulk: bool = False,
) -> HttpResponse:
    """Take a step with each part, or first ask what it needs to be told.

    Args:
        back: where to go afterwards.
        bulk: whether the answer to a question comes back as an action.
    """
    step = STEPS[name]
    if len(parts) > MOST_AT_ONCE:
        messages.error(
            request,
            _(
                "Choose %(most_at_once)s parts at most; these are "
                "%(len_parts)s. Nothing was changed."
            )
            % {"most_at_once": MOST_AT_ONCE, "len_parts": len(parts)},
        )
        return redirect(back)
    form = (step.form or forms.Form)(
        request.POST if "confirmed" in request.POST else None
    )
    unasked = request.method == "POST" and step.form is None
    if not (unasked or form.is_valid()):
        return _ask(request, name, parts, form, site=site, back=back, bulk=bulk)
    said = {} if unasked else form.cleaned_data
    done, refused = [], []
    for part in parts:
        try:
            step.take(part, actor=request.user, **said)
        except PartError as error:
            text = str(error)
            refused.append(text if f"“{part}”" in text else f"“{part}”: {text}")
        else:
            done.append(str(part))
    tell(request, step.deed.format(**said), done, refused, _("parts"))
    return redirect(back)


def tell(
    request: HttpRequest,
    deed: str,
    done: Sequence[str],
    refused: Iterable[str],
    things: str,
) -> None:
    """Say how many were done, and in words each that was refused."""
    if done:
        said = ngettext(
            "“%(name)s” is %(deed)s.", "%(count)s %(things)s are %(deed)s.", len(done)
        )
        values = {"name": done[0], "count": len(done), "things": things, "deed": deed}
        messages.success(request, said % values)
    if lines := format_html_join("", "<li>{}</li>", ((text,) for text in refused)):
        messages.warning(
            request,
            format_html('{}<ul class="refusals">{}</ul>', _("Not done:"), lines),
        )


def _ask(
    request: HttpRequest,
    name: str,
    parts: Sequence[Part],
    form: forms.Form,
    *,
    site: AdminSite,
    back: str,
    bulk: bool,
) -> HttpResponse:
    step = STEPS[name]
    request.current_app = site.name
    return TemplateResponse(
        request,
        "admin/parts/step.html",
        {
            **site.each_context(request),
            "title": step.label,
            "step": step,
            "action": name if bulk else "",
            "checkbox": ACTION_CHECKBOX_NAME,
            "parts": parts,
            "form": form,
            "adminform": AdminForm(form, [(None, {"fields": list(form.fields)})], {}),
            "people": (
                User.objects.workers().values_list("name", flat=True)
                if {"worker", "assigned"} & form.fields.keys()
                else []
            ),
            "back": back,
            "opts": Part._meta,
            "media": form.media,
        },
        status=422 if form.is_bound else 200,
    )
