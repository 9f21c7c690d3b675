from django.urls import path

from .views import door, factor, invitations, joining, keys, profile

app_name = "accounts"
urlpatterns = [
    path("login/", door.Login.as_view(), name="login"),
    path("code/", door.code, name="code"),
    path("logout/", door.Logout.as_view(), name="logout"),
    path("again/", door.again, name="again"),
    path("password/", door.PasswordChange.as_view(), name="password-change"),
    path(
        "password/done/",
        door.PasswordChangeDone.as_view(),
        name="password-change-done",
    ),
    path("factor/", factor.factor, name="factor"),
    path("factor/codes/", factor.renew_codes, name="factor-codes"),
    path("factor/off/", factor.turn_off, name="factor-off"),
    path("people/<int:pk>/factor/", factor.take_away, name="factor-take-away"),
    path("first/", joining.first, name="first"),
    path("invited/", joining.invited, name="invited"),
    path("invitations/", invitations.invitation_list, name="invitations"),
    path(
        "invitations/<int:pk>/revoke/",
        invitations.invitation_revoke,
        name="invitation-revoke",
    ),
    path(
        "people/<int:pk>/password-link/",
        invitations.password_link,
        name="password-link",
    ),
    path("keys/", keys.key_list, name="keys"),
    path("keys/<int:pk>/revoke/", keys.key_revoke, name="key-revoke"),
    path("look/", profile.look, name="look"),
    path("sessions/<int:pk>/end/", profile.session_end, name="session-end"),
    path("sessions/end/", profile.sessions_end, name="sessions-end"),
]
