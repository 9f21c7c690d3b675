"""The admin's lists of people and keys."""

from datetime import datetime

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    UserChangeForm,
    UsernameField,
)
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from . import keys, people
from .models import ApiKey, KeyState, User
from .people import PeopleError

# The role alone says what somebody may do; there are no groups.
admin.site.unregister(Group)


def _sign(kind: str, word: str) -> str:
    return format_html('<span class="sign" data-sign="{}">{}</span>', kind, word)


# --- People -------------------------------------------------------------------


class UserAddForm(AdminUserCreationForm):
    usable_password = forms.ChoiceField(
        label=gettext_lazy("Password"),
        required=False,
        initial="true",
        choices={
            "true": gettext_lazy("Set it now"),
            "false": gettext_lazy("None yet"),
        },
        widget=forms.RadioSelect(attrs={"class": "radiolist inline"}),
        help_text=gettext_lazy(
            "Without a password nobody can sign in to this account."
        ),
    )

    class Meta:
        model = User
        fields = ["username", "name", "email", "role"]
        field_classes = {"username": UsernameField}


class PasswordForm(AdminPasswordChangeForm):
    usable_password_help_text = gettext_lazy(
        "If disabled, the password is lost and nobody can sign in to this account."
    )

    def save(self, commit=True) -> User:
        user = super().save(commit=False)
        user.save(update_fields=["password"])
        user.sessions.all().delete()  # the old password's
        return user


class UserEditForm(UserChangeForm):
    class Meta:
        model = User
        fields = ["username", "name", "email", "role", "is_active"]
        field_classes = {"username": UsernameField}


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People: a role instead of Django's flags, groups and permissions.

    Who looks at this is a lead and can neither demote, deactivate nor delete
    the own account, so there is always a lead left.
    """

    form = UserEditForm
    add_form = UserAddForm
    change_password_form = PasswordForm
    add_form_template = "admin/accounts/user/add_form.html"
    delete_confirmation_template = "admin/accounts/user/delete_confirmation.html"
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (gettext_lazy("Who"), {"fields": ["name", "email"]}),
        (gettext_lazy("Rights"), {"fields": ["role", "is_active"]}),
        (
            gettext_lazy("Times"),
            {"fields": ["last_login", "last_seen_at", "date_joined"]},
        ),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": [
                    "username",
                    "name",
                    "email",
                    "role",
                    "usable_password",
                    "password1",
                    "password2",
                ],
            },
        )
    ]
    list_display = [
        "username",
        "name",
        "role",
        "active",
        "key_count",
        "last_login",
    ]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "name", "email"]
    ordering = ["name"]
    filter_horizontal = []
    list_per_page = 50
    actions = ["deactivate", "activate"]

    def get_queryset(self, request) -> QuerySet[User]:
        usable = Count("api_keys", filter=Q(api_keys__revoked_at=None))
        return super().get_queryset(request).annotate(key_count=usable)

    def get_actions(self, request) -> dict:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # accounts are closed, one is deleted
        return actions

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        own = ["role", "is_active"] if obj and obj.pk == request.user.pk else []
        return ["last_login", "last_seen_at", "date_joined", *own]

    def has_delete_permission(self, request, obj=None) -> bool:
        own = obj is not None and obj.pk == request.user.pk
        return super().has_delete_permission(request, obj) and not own

    def get_deleted_objects(self, objs, request):
        shown, counts, _missing, protected = super().get_deleted_objects(objs, request)
        # Keys are not deleted by themselves, but go with their owner.
        return shown, counts, set(), protected

    @admin.display(description=gettext_lazy("can sign in"), boolean=True)
    def active(self, user: User) -> bool:
        return user.is_active and user.has_usable_password()

    @admin.display(description=gettext_lazy("API keys"), ordering="key_count")
    def key_count(self, user: User) -> str:
        url = reverse(
            "admin:accounts_apikey_changelist", query={"owner__id__exact": user.pk}
        )
        return format_html('<a href="{}">{}</a>', url, user.key_count)

    def save_model(self, request, obj: User, form, change: bool) -> None:
        if not change:
            obj.save()
            return
        # Only what was typed: the rest may have changed meanwhile.
        typed = {name: getattr(obj, name) for name in form.changed_data}
        try:
            people.change(obj, **typed)
        except PeopleError as error:
            raise PermissionDenied(str(error)) from error
        if "name" in typed:
            said = _(
                "Parts that “%(old)s” has keep that name until they are given to "
                "“%(new)s”."
            )
            messages.info(
                request, said % {"old": form.initial["name"], "new": obj.name}
            )

    @admin.action(
        description=gettext_lazy("Deactivate: nobody can sign in with it any more")
    )
    def deactivate(self, request, queryset) -> None:
        if queryset.filter(pk=request.user.pk).exists():
            messages.warning(request, _("You cannot deactivate your own account."))
        count = 0
        for user in queryset.exclude(pk=request.user.pk):
            try:
                people.deactivate(user)
            except PeopleError as error:
                messages.error(request, str(error))
            else:
                count += 1
        if count:
            said = ngettext(
                "%(n)s account deactivated.", "%(n)s accounts deactivated.", count
            )
            messages.success(request, said % {"n": count})

    @admin.action(description=gettext_lazy("Activate"))
    def activate(self, request, queryset) -> None:
        count = len([people.activate(user) for user in queryset])
        if count:
            said = ngettext(
                "%(n)s account activated.", "%(n)s accounts activated.", count
            )
            messages.success(request, said % {"n": count})


# --- Keys ---------------------------------------------------------------------


class KeyForm(forms.ModelForm):
    class Meta:
        model = ApiKey
        fields = ["name", "owner", "scope", "expires_at"]

    def clean_expires_at(self) -> datetime | None:
        at = self.cleaned_data["expires_at"]
        if at and at <= timezone.now() and "expires_at" in self.changed_data:
            raise ValidationError(_("This is in the past; revoke a key to end it now."))
        return at


class UsableFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "usable"

    def lookups(self, request, model_admin) -> list[tuple[str, str]]:
        return [("yes", _("Usable")), ("no", _("Revoked, expired or closed"))]

    def queryset(self, request, queryset: QuerySet) -> QuerySet | None:
        usable = ApiKey.objects.usable().values("pk")
        return {
            "yes": queryset.filter(pk__in=usable),
            "no": queryset.exclude(pk__in=usable),
        }.get(self.value())


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    """Keys: shown once when they are made, then named, ended, never deleted."""

    form = KeyForm
    change_form_template = "admin/change_form_with_steps.html"
    list_display = [
        "name",
        "beginning",
        "scope",
        "owner",
        "state",
        "last_used_at",
        "expires_at",
        "created_at",
    ]
    list_filter = ["scope", UsableFilter]
    list_select_related = ["owner"]
    list_per_page = 50
    search_fields = ["name", "prefix", "owner__name", "owner__username"]
    autocomplete_fields = ["owner"]
    actions = ["revoke"]

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        ended = obj is not None and obj.revoked_at
        return super().has_change_permission(request, obj) and not ended

    def get_fields(self, request, obj=None) -> list[str]:
        if obj is None:
            return ["name", "owner", "scope", "expires_at"]
        return [
            "name",
            "expires_at",
            "state",
            "beginning",
            "scope",
            "owner",
            "created_at",
            "last_used_at",
            "revoked_at",
        ]

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        # Who holds a key was told what it may do: another right, another key.
        return [] if obj is None else self.get_fields(request, obj)[2:]

    @admin.display(description=gettext_lazy("begins with"), ordering="prefix")
    def beginning(self, key: ApiKey) -> str:
        return key.beginning

    @admin.display(description=gettext_lazy("state"))
    def state(self, key: ApiKey) -> str:
        state = key.state
        return _sign("done" if state == KeyState.USABLE else "blocked", state.label)

    def get_urls(self) -> list:
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [
            path("<int:pk>/revoke/", revoke, name="accounts_apikey_revoke"),
            *super().get_urls(),
        ]

    def revoke_view(self, request, pk: int) -> HttpResponse:
        key = get_object_or_404(ApiKey, pk=pk)
        self.revoke(request, [key])
        return redirect("admin:accounts_apikey_change", pk)

    @admin.action(description=gettext_lazy("Revoke"))
    def revoke(self, request, queryset) -> None:
        for key in queryset:
            if key.revoked_at:
                messages.warning(
                    request, _("%(key)s was revoked before.") % {"key": key}
                )
            else:
                keys.revoke(key)
                messages.success(request, _("%(key)s is revoked.") % {"key": key})

    def render_change_form(
        self, request, context, add=False, change=False, form_url="", obj=None
    ) -> HttpResponse:
        if add:
            context |= {"show_save_and_add_another": False}
            context |= {"show_save_and_continue": False}
        elif not obj.revoked_at:
            url = reverse("admin:accounts_apikey_revoke", args=[obj.pk])
            context["steps"] = [{"label": _("Revoke"), "url": url, "danger": True}]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request, obj: ApiKey, form, change: bool) -> None:
        if change:
            # Never the whole row: it may have been used or revoked meanwhile.
            obj.save(update_fields=form.changed_data)
            return
        made, text = keys.issue(**form.cleaned_data)
        obj.pk = made.pk
        obj.refresh_from_db()
        request.issued_key = text

    def response_add(self, request, obj: ApiKey, post_url_continue=None):
        """Show the key in the answer itself: messages and sessions are stored."""
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/accounts/apikey/created.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Copy the key now"),
                "key": obj,
                "text": request.issued_key,
                "opts": self.opts,
            },
        )
