"""Signing in, joining, the own account, API keys, invitations."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from partsite.ratelimit import Limit

from . import clock, keys
from .models import USES_MOST, ApiKey, Invitation, Lane, Role, Theme, Units, User

_CHOOSE = {"invalid_choice": gettext_lazy("Choose one of these.")}


class LoginForm(AuthenticationForm):
    """``refusal`` is a sentence to say instead of looking at the password."""

    refusal = ""
    error_messages = {
        "invalid_login": gettext_lazy(
            "This user name and this password do not belong together. "
            "Passwords tell capital from small letters."
        ),
        "inactive": gettext_lazy(
            "This account is closed. Ask a lead to open it again."
        ),
    }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["username"].widget.attrs["spellcheck"] = "false"

    def clean(self) -> dict:
        if self.refusal:
            raise ValidationError(self.refusal)
        return super().clean()


# Of one person, whose session may be in another's hands.
_PASSWORDS_AGAIN = Limit("password-again", burst=10, every_seconds=30)


class TooMany(ValidationError):
    """A password that was not looked at."""

    def __init__(self, wait_seconds: float) -> None:
        self.wait_seconds = int(wait_seconds) + 1
        words = ngettext(
            "Too many passwords were tried. Wait %(n)s second, then try again.",
            "Too many passwords were tried. Wait %(n)s seconds, then try again.",
            self.wait_seconds,
        )
        super().__init__(words % {"n": self.wait_seconds})


def _count_try(account: User) -> None:
    """Count a password that somebody who is signed in gives again."""
    if wait_seconds := _PASSWORDS_AGAIN.wait_seconds(str(account.pk)):
        raise TooMany(wait_seconds)


class NewPasswordForm(PasswordChangeForm):
    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": gettext_lazy("This is not your password of until now."),
        "password_mismatch": gettext_lazy("The two new passwords differ."),
    }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["old_password"].label = _("Your password until now")
        self.fields["new_password1"].label = _("New password")
        self.fields["new_password2"].label = _("The new password once more")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        _count_try(self.user)
        return super().clean_old_password()


def _code_field(label: str, *, is_of_app: bool = True) -> forms.CharField:
    """Return a field for a code; those of an app are figures, which phones offer."""
    attrs = (
        {"autocomplete": "one-time-code", "inputmode": "numeric"}
        if is_of_app
        else {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    )
    return forms.CharField(
        label=label, max_length=100, widget=forms.TextInput(attrs=attrs)
    )


class CodeForm(forms.Form):
    """A code at the sign-in: of the app, or for recovery if that is lost.

    ``wait_seconds`` is not 0 when too many were tried, and this one was not.
    """

    wait_seconds = 0

    def __init__(self, *args, is_lost: bool, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        label = _("Recovery code") if is_lost else _("Code that the app shows")
        self.fields["code"] = _code_field(label, is_of_app=not is_lost)
        self.fields["code"].widget.attrs["autofocus"] = True


class PasswordAgainForm(forms.Form):
    """The password of whoever is signed in, before what others must not do for them.

    ``wait_seconds`` is not 0 when too many were tried, and this one was not.
    """

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=1000,  # each character costs the hash time
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    wait_seconds = 0

    def __init__(self, *args, account: User, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.account = account

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        try:
            _count_try(self.account)
        except TooMany as error:
            self.wait_seconds = error.wait_seconds
            raise
        if not self.account.check_password(password):
            raise ValidationError(_("This is not your password."))
        return password


class FactorForm(PasswordAgainForm):
    """The password, and a code to go with it."""

    code = _code_field(gettext_lazy("Code that the app shows"))
    field_order = ["code", "password"]


class TurnOffForm(FactorForm):
    """As ``FactorForm``; whoever has lost the app gives a recovery code."""

    code = _code_field(
        gettext_lazy("Code that the app shows, or a recovery code"), is_of_app=False
    )


# --- Joining ------------------------------------------------------------------


def _new_password_field() -> forms.CharField:
    """Return a field that is typed once, since it can be made visible."""
    return forms.CharField(
        label=gettext_lazy("Password"),
        max_length=1000,  # each character costs the hash time
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ChosenPasswordForm(forms.Form):
    """A password for ``account``, whose rules the page tells beforehand."""

    password = _new_password_field()

    def __init__(self, *args, account: User, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self._account = account

    @property
    def rules(self) -> list[str]:
        return password_validators_help_texts()

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        validate_password(password, self._account)
        return password


class OwnNames(forms.ModelForm):
    """The names of a person; a taken one is told beside its field."""

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        return self._free("name", name, _("Somebody else has this display name."))

    def clean_username(self) -> str:
        username = User.normalize_username(self.cleaned_data["username"])
        return self._free("username", username, _("This user name is taken."))

    def _free(self, field: str, value: str, refusal: str) -> str:
        others = User.objects.exclude(pk=self.instance.pk)
        if others.filter(**{f"{field}__iexact": value}).exists():
            raise ValidationError(refusal)
        return value


class JoinForm(OwnNames):
    """Somebody new, by an invitation or as a site's first lead."""

    password = _new_password_field()

    class Meta:
        model = User
        fields = ["name", "username"]
        labels = {"name": gettext_lazy("Your name")}
        help_texts = {
            "name": gettext_lazy("What the team sees on a part."),
            "username": gettext_lazy(
                "What you sign in with: letters, digits and @ . + - _"
            ),
        }
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "username": forms.TextInput(
                attrs={
                    "autocomplete": "username",
                    "autocapitalize": "none",
                    "spellcheck": "false",
                }
            ),
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["name"].required = True

    @property
    def rules(self) -> list[str]:
        return password_validators_help_texts()

    def _post_clean(self) -> None:
        super()._post_clean()
        # After the names, since a password must not be like them.
        password = self.cleaned_data.get("password")
        if password:
            try:
                validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("password", error)


class InvitationForm(forms.ModelForm):
    """A link to an account; the least that may be is offered first."""

    lasts = forms.ChoiceField(
        label=gettext_lazy("It works for"),
        choices={
            "1": gettext_lazy("1 hour"),
            "24": gettext_lazy("1 day"),
            "168": gettext_lazy("7 days"),
            "720": gettext_lazy("30 days"),
        },
        initial="24",
        widget=forms.RadioSelect,
        error_messages=_CHOOSE,
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Whoever comes by it is a"),
        choices=[
            (
                Role.VIEWER,
                gettext_lazy("Viewer: looks, and changes nothing"),
            ),
            (
                Role.MEMBER,
                gettext_lazy("Member: hands in, takes and finishes parts"),
            ),
            (
                Role.LEAD,
                gettext_lazy("Lead: also approves, and manages people"),
            ),
        ],
        initial=Role.MEMBER,
        widget=forms.RadioSelect,
        error_messages=_CHOOSE,
    )

    class Meta:
        model = Invitation
        fields = ["role", "lasts", "uses", "note"]
        labels = {
            "uses": gettext_lazy("How many people may use it"),
            "note": gettext_lazy("Note"),
        }
        help_texts = {
            "note": gettext_lazy("For you: whom or what it is for."),
        }
        widgets = {
            "uses": forms.NumberInput(
                attrs={"min": 1, "max": USES_MOST, "inputmode": "numeric"}
            ),
            "note": forms.TextInput(attrs={"autocomplete": "off"}),
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["uses"] = forms.IntegerField(
            label=self.fields["uses"].label,
            min_value=1,
            max_value=USES_MOST,
            initial=1,
            widget=self.fields["uses"].widget,
        )
        self.order_fields(self.Meta.fields)

    @property
    def lasts_for(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["lasts"]))

    def _post_clean(self) -> None:
        """Leave the row to ``invitations.invite``, which has all of it."""


# --- The own account ----------------------------------------------------------


class Density(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Cards on this device"),
            choices={
                "comfortable": gettext_lazy("Large"),
                "compact": gettext_lazy("Compact"),
            },
            widget=forms.RadioSelect,
            error_messages=_CHOOSE,
        )


class ProfileForm(OwnNames):
    """Name and wishes of whoever is signed in."""

    theme = forms.ChoiceField(
        label=gettext_lazy("Theme"),
        choices=Theme.choices,
        widget=forms.RadioSelect,
        error_messages=_CHOOSE,
    )
    density = Density()
    units = forms.ChoiceField(
        label=gettext_lazy("Measures"),
        choices=Units.choices,
        widget=forms.RadioSelect,
        error_messages=_CHOOSE,
    )
    default_lane = forms.ChoiceField(
        label=gettext_lazy("My kind of work"),
        choices=[("", gettext_lazy("All of it")), *Lane.choices],
        required=False,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("Which lane of production you are shown first."),
        error_messages=_CHOOSE,
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        error_messages=_CHOOSE,
        # Names of the IANA's, the same in every language.
        widget=forms.Select(attrs={"translate": "no"}),
    )

    class Meta:
        model = User
        fields = ["name", "theme", "units", "default_lane", "time_zone"]
        labels = {"name": gettext_lazy("Your name")}
        help_texts = {
            "name": gettext_lazy("What the team sees on a part."),
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    field_order = ["name", "theme", "density", "units", "time_zone", "default_lane"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["name"].required = True
        own = self.instance.time_zone
        self.fields["time_zone"].choices = [
            ("", _("That of the device")),
            *clock.zones_by_region(besides=own),
        ]

    @property
    def changed_columns(self) -> list[str]:
        return [name for name in self.changed_data if name in self.Meta.fields]


class KeyForm(forms.Form):
    """A key for the own use."""

    NEVER, ON_A_DAY = "never", "day"
    _DAYS_MOST = 3653  # ten years

    name = forms.CharField(
        max_length=ApiKey._meta.get_field("name").max_length,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy(
            "What will use it, such as “Screen at the laser cutter”."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("It may"), widget=forms.RadioSelect, error_messages=_CHOOSE
    )
    expires = forms.ChoiceField(
        label=gettext_lazy("It ends"),
        choices={
            "30": gettext_lazy("In 30 days"),
            "90": gettext_lazy("In 90 days"),
            "365": gettext_lazy("In a year"),
            NEVER: gettext_lazy("Never"),
            ON_A_DAY: gettext_lazy("On a day"),
        },
        initial="365",
        widget=forms.RadioSelect,
        error_messages=_CHOOSE,
    )
    last_day = forms.DateField(
        required=False,
        label=gettext_lazy("Last day"),
        help_text=gettext_lazy("The key works until the end of this day."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Write the day as in 2027-06-30.")},
    )

    def __init__(self, *args, owner: User, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self._owner = owner
        scopes = keys.scopes_of(owner)
        self.fields["scope"].choices = [(scope, scope.label) for scope in scopes]
        self.fields["scope"].initial = scopes[0]

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("expires") != self.ON_A_DAY:
            self.errors.pop("last_day", None)
        elif "last_day" not in self.errors:
            self._check_day(cleaned.get("last_day"))
        return cleaned

    def save(self) -> tuple[ApiKey, str]:
        """Make the key and return it with its text.

        Raises:
            KeyRefused: as ``keys.issue_own``.
        """
        return keys.issue_own(
            self.cleaned_data["name"],
            scope=self.cleaned_data["scope"],
            owner=self._owner,
            expires_at=self._expires_at(),
        )

    def _check_day(self, day: date | None) -> None:
        today = timezone.localdate()
        if day is None:
            self.add_error("last_day", _("Which day? Or choose another end above."))
        elif day < today:
            self.add_error("last_day", _("This day is past; choose a later one."))
        elif day > today + timedelta(days=self._DAYS_MOST):
            self.add_error(
                "last_day",
                _("Choose a day of the next ten years, or “Never” above."),
            )

    def _expires_at(self) -> datetime | None:
        expires = self.cleaned_data["expires"]
        if expires == self.NEVER:
            return None
        if expires == self.ON_A_DAY:
            day_after = self.cleaned_data["last_day"] + timedelta(days=1)
            return timezone.make_aware(datetime.combine(day_after, time.min))
        return timezone.now() + timedelta(days=int(expires))
