"""Signing in and changing one's password."""

from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm


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
