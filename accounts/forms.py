"""Signing in, changing one's password, making an API key."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.utils import timezone

from . import keys
from .models import ApiKey, User


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "This user name and this password do not belong together. "
        "Passwords tell capital from small letters.",
        "inactive": "This account is closed. Ask a lead to open it again.",
    }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["username"].widget.attrs["spellcheck"] = "false"


class NewPasswordForm(PasswordChangeForm):
    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "This is not your password of until now.",
        "password_mismatch": "The two new passwords differ.",
    }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["old_password"].label = "Your password until now"
        self.fields["new_password1"].label = "New password"
        self.fields["new_password2"].label = "The new password once more"
        self.fields["new_password2"].help_text = ""


class KeyForm(forms.Form):
    """A key for the own use."""

    NEVER, ON_A_DAY = "never", "day"
    _DAYS_MOST = 3653  # ten years
    _UNKNOWN = {"invalid_choice": "Choose one of these."}

    name = forms.CharField(
        max_length=ApiKey._meta.get_field("name").max_length,
        help_text="What will use it, such as “Screen at the laser cutter”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label="It may", widget=forms.RadioSelect, error_messages=_UNKNOWN
    )
    expires = forms.ChoiceField(
        label="It ends",
        choices={
            "30": "In 30 days",
            "90": "In 90 days",
            "365": "In a year",
            NEVER: "Never",
            ON_A_DAY: "On a day",
        },
        initial="365",
        widget=forms.RadioSelect,
        error_messages=_UNKNOWN,
    )
    last_day = forms.DateField(
        required=False,
        help_text="The key works until the end of this day.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Write the day as in 2027-06-30."},
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
            self.add_error("last_day", "Which day? Or choose another end above.")
        elif day < today:
            self.add_error("last_day", "This day is past; choose a later one.")
        elif day > today + timedelta(days=self._DAYS_MOST):
            self.add_error(
                "last_day", "Choose a day of the next ten years, or “Never” above."
            )

    def _expires_at(self) -> datetime | None:
        expires = self.cleaned_data["expires"]
        if expires == self.NEVER:
            return None
        if expires == self.ON_A_DAY:
            day_after = self.cleaned_data["last_day"] + timedelta(days=1)
            return timezone.make_aware(datetime.combine(day_after, time.min))
        return timezone.now() + timedelta(days=int(expires))
