"""Views of the boards that somebody keeps under names of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from parts.addresses import board_query
from parts.models import SavedFilter


class SaveForm(forms.ModelForm):
    """A name for a view; beside it, hidden, which view it is."""

    class Meta:
        model = SavedFilter
        fields = ["name", "board", "query"]
        widgets = {"board": forms.HiddenInput, "query": forms.HiddenInput}

    def __init__(self, *args, owner: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.instance.owner = owner

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        others = SavedFilter.objects.filter(owner=self.instance.owner)
        if others.exclude(pk=self.instance.pk).filter(name__iexact=name).exists():
            words = _("You have a view called “%(name)s” already. Choose another name.")
            raise forms.ValidationError(words % {"name": name})
        return name

    def clean_query(self) -> str:
        return board_query(QueryDict(self.cleaned_data["query"]))


class RenameForm(SaveForm):
    class Meta(SaveForm.Meta):
        fields = ["name"]
        widgets = {}


@require_safe
def saved(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep a view of a board, and go back to it."""
    form = SaveForm(request.POST, owner=request.user)
    with _alone(request.user):
        own = SavedFilter.objects.filter(owner=request.user)
        if form.is_valid() and own.count() >= SavedFilter.MOST:
            words = _("You keep %(most)s views, which is the most. Delete one first.")
            form.add_error(None, words % {"most": SavedFilter.MOST})
        if form.is_valid():
            last = own.aggregate(last=Max("order"))["last"]
            form.instance.order = 0 if last is None else last + 1
            view = form.save()
    if form.errors:
        return _page(request, form)
    messages.success(request, _("“%(name)s” is saved.") % {"name": view})
    return redirect(view)


@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedFilter, pk=pk, owner=request.user)
    form = RenameForm(
        request.POST, owner=request.user, instance=view, auto_id=f"id_%s_{pk}"
    )
    with _alone(request.user):
        if form.is_valid():
            form.save()
    if form.errors:
        return _page(request, form)
    words = _("The view is called “%(name)s” now.") % {"name": view}
    messages.success(request, words)
    return redirect("parts:views")


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedFilter, pk=pk, owner=request.user)
    view.delete()
    messages.success(request, _("“%(name)s” is deleted.") % {"name": view})
    return redirect("parts:views")


@require_POST
def raise_(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a view one place up in its owner's list."""
    get_object_or_404(SavedFilter, pk=pk, owner=request.user)
    with _alone(request.user):
        views = list(SavedFilter.objects.filter(owner=request.user))
        at = next((n for n, view in enumerate(views) if view.pk == pk), 0)
        if at:
            views.insert(at - 1, views.pop(at))
        for order, view in enumerate(views):
            view.order = order
        SavedFilter.objects.bulk_update(views, ["order"])
    return redirect("parts:views")


@contextmanager
def _alone(user: User) -> Iterator[None]:
    """Let one request of ``user`` at a time change what they keep."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # SQLite is locked anyway
        yield


def _page(request: HttpRequest, form: SaveForm | None = None) -> HttpResponse:
    """List the reader's views, with the form that was refused among them."""
    is_new = form is not None and form.instance.pk is None
    rows = []
    for view in SavedFilter.objects.filter(owner=request.user):
        is_refused = form is not None and form.instance.pk == view.pk
        own = RenameForm(owner=request.user, instance=view, auto_id=f"id_%s_{view.pk}")
        rows.append((view, form if is_refused else own))
    context = {"rows": rows, "form": form if is_new else None}
    status = 422 if form is not None else 200
    return render(request, "parts/saved.html", context, status=status)
