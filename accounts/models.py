"""People and their roles, and the keys of scripts."""

from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from partsite.compiled import Compiled, Slot
from partsite.instances import Quick

from . import devices


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    MEMBER = "member", _("Member")
    LEAD = "lead", _("Lead")


class Theme(models.TextChoices):
    AUTO = "auto", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Units(models.TextChoices):
    MILLIMETRES = "mm", _("Millimetres")
    INCHES = "in", _("Inches")


class Lane(models.TextChoices):
    CNC = "cnc", _("CNC")
    HAND = "hand", _("Hand")
    MISC = "misc", _("Misc")


class UserQuerySet(models.QuerySet):
    def workers(self) -> "UserQuerySet":
        """List everybody who may have a part, by name."""
        able = {Role.MEMBER, Role.LEAD}
        return self.filter(is_active=True, role__in=able).order_by("name")

    def found_by(self, *, search: str, role: str, state: str) -> "UserQuerySet":
        """Keep whom a lead looks for; what is empty or unknown narrows nothing."""
        found = self
        for word in search.replace("\x00", "").split():
            found = found.filter(
                Q(name__icontains=word)
                | Q(username__icontains=word)
                | Q(email__icontains=word)
            )
        if role in Role.values:
            found = found.filter(role=role)
        if state in {"active", "closed"}:
            found = found.filter(is_active=state == "active")
        return found.order_by("-is_active", Lower("name"), "pk")

    def with_key_count(self) -> "UserQuerySet":
        """Add ``key_count``, the usable keys of each."""
        usable = (
            ApiKey.objects.usable()
            .filter(owner=models.OuterRef("pk"))
            .order_by()
            .values("owner")
            .annotate(count=models.Count("pk"))
        )
        return self.annotate(
            key_count=Coalesce(models.Subquery(usable.values("count")), 0)
        )

    def with_second_factor(self) -> "UserQuerySet":
        """Add ``has_second_factor``."""
        own = SecondFactor.objects.filter(user=models.OuterRef("pk"))
        return self.annotate(has_second_factor=models.Exists(own))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    def get(self, *args, **kwargs) -> "User":
        """Return the one that is asked for.

        By its number alone Django asks for who comes, with every page; that
        statement is written once.
        """
        pk = kwargs.get("pk")
        is_plain = len(kwargs) == 1 and isinstance(pk, int) and not args
        # A manager of a relation is a child of this class, and knows only some.
        if not is_plain or type(self) is not UserManager:
            return super().get(*args, **kwargs)
        if (user := _by_pk().one(pk=pk)) is None:
            raise self.model.DoesNotExist(f"No account has the number {pk}.")
        return user

    def create_user(
        self, username: str, password: str | None = None, **fields
    ) -> "User":
        """Make an account; without a password it cannot sign in yet."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, username: str, password: str | None = None, **fields
    ) -> "User":
        """Make a lead: nobody stands above a lead."""
        return self.create_user(username, password, **{**fields, "role": Role.LEAD})

    def get_by_natural_key(self, username: str | None) -> "User":
        # Phones capitalise the first letter of what is typed.
        return self.get(username__iexact=username)


@cache
def _by_pk() -> Compiled:
    pk = Slot("pk", models.BigIntegerField())
    return Compiled(User.objects.filter(pk=pk).order_by())


class User(AbstractBaseUser, Quick):
    """Somebody of the team; the role alone says what they may do."""

    username = models.CharField(
        _("user name"),
        max_length=100,
        validators=[UnicodeUsernameValidator()],
        help_text=_("What you sign in with: letters, digits and @ . + - _"),
        error_messages={"unique": _("This user name is taken.")},
        unique=True,
    )
    name = models.CharField(
        _("display name"),
        max_length=100,
        blank=True,
        help_text=_("What the team sees on a part. Left empty, it is the user name."),
    )
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_(
            "Clear it instead of deleting an account: nobody can sign in "
            "with it, and the history keeps its name."
        ),
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    units = models.CharField(max_length=2, choices=Units, default=Units.MILLIMETRES)
    default_lane = models.CharField(
        _("lane"),
        max_length=4,
        choices=Lane,
        blank=True,
        default="",
        help_text=_("The work that is mine as a rule; empty is all of it."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        default="",
        help_text=_("Such as Europe/Berlin. Empty is that of the device."),
    )

    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_first = models.BooleanField(
        default=False,
        editable=False,
        help_text=_("Made on the page that a site without people shows."),
    )

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_unique",
                violation_error_message=_("This user name is taken."),
            ),
            # A part names its holder, so two people must never share a name.
            models.UniqueConstraint(
                Lower("name"),
                name="user_name_unique",
                violation_error_message=_("Somebody else has this display name."),
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="user_role_known"
            ),
            # Of two people who make a site's first lead at once, one does.
            models.UniqueConstraint(
                fields=["is_first"],
                condition=Q(is_first=True),
                name="user_first_is_one",
            ),
            models.CheckConstraint(
                condition=Q(theme__in=Theme.values), name="user_theme_known"
            ),
            models.CheckConstraint(
                condition=Q(units__in=Units.values), name="user_units_known"
            ),
            models.CheckConstraint(
                condition=Q(default_lane__in=["", *Lane.values]),
                name="user_lane_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        self.name = " ".join(self.name.split()) or self.username

    def save(self, *args, **kwargs) -> None:
        if not self.name:
            self.name = self.username
        super().save(*args, **kwargs)

    @property
    def seen_at(self) -> datetime | None:
        """When they last looked at a page or signed in, to five minutes."""
        seen = [at for at in (self.last_login, self.last_seen_at) if at]
        return max(seen, default=None)

    @property
    def can_work(self) -> bool:
        """Hand in, edit, claim, make and finish parts."""
        return self.is_active and self.role in {Role.MEMBER, Role.LEAD}

    @property
    def can_lead(self) -> bool:
        """Approve, send back, give to others, revert, trash; the admin."""
        return self.is_active and self.role == Role.LEAD

    @property
    def can_wipe(self) -> bool:
        """Move every part to the trash at once."""
        return self.can_lead

    @property
    def worker_name(self) -> str:
        """The name a claim of this person is written under."""
        return self.name

    # What Django's admin asks of a user. Leads may do everything there.

    @property
    def is_staff(self) -> bool:
        return self.can_lead

    @property
    def is_superuser(self) -> bool:
        return self.can_lead

    def has_perm(self, perm: str, obj=None) -> bool:
        return self.can_lead

    def has_perms(self, perms, obj=None) -> bool:
        return self.can_lead

    def has_module_perms(self, app_label: str) -> bool:
        return self.can_lead

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


USES_MOST = 100  # a whole school may join by one link


class InvitationState(models.TextChoices):
    OPEN = "open", _("Open")
    USED = "used", _("Used")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class InvitationQuerySet(models.QuerySet):
    def open(self) -> "InvitationQuerySet":
        """Keep the links that still let somebody in."""
        return self.filter(_is_open())

    def open_first(self) -> "InvitationQuerySet":
        """List what is open before what has ended, each newest first."""
        has_ended = models.Case(models.When(_is_open(), then=0), default=1)
        return self.order_by(has_ended, "-created_at", "-pk")


def _is_open() -> Q:
    return Q(revoked_at=None, expires_at__gt=timezone.now(), used__lt=F("uses"))


class Invitation(models.Model):
    """A link that lets somebody in. Its secret is shown once and never stored.

    With an ``account`` it is for a new password, else for a new account that
    gets ``role``.
    """

    digest = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=10, choices=Role, blank=True, default="")
    account = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="password_links",
    )
    uses = models.PositiveSmallIntegerField(default=1)
    used = models.PositiveSmallIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True, default="")
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(role__in=Role.values, account=None)
                    | Q(role="", account__isnull=False)
                ),
                name="invitation_for_role_or_account",
            ),
            models.CheckConstraint(
                condition=Q(used__gte=0, used__lte=F("uses")),
                name="invitation_used_as_allowed",
            ),
            models.CheckConstraint(
                condition=Q(uses__gte=1, uses__lte=USES_MOST),
                name="invitation_uses_counted",
            ),
        ]

    def __str__(self) -> str:
        return self.note or self.get_role_display() or str(self.account)

    @property
    def state(self) -> InvitationState:
        if self.used >= self.uses:
            return InvitationState.USED
        if self.revoked_at:
            return InvitationState.REVOKED
        if self.expires_at <= timezone.now():
            return InvitationState.EXPIRED
        return InvitationState.OPEN


class SessionQuerySet(models.QuerySet):
    def live(self, at: datetime | models.Expression | None = None) -> "SessionQuerySet":
        """Leave out what has expired, now or ``at`` another moment."""
        return self.filter(expires_at__gt=at or timezone.now())


class Session(Quick):
    """Somebody signed in at a device. Written by ``accounts.sessions`` alone.

    ``digest`` is all that is kept of the id in the cookie.
    """

    digest = models.CharField(max_length=64, unique=True)
    data = models.TextField()
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="sessions"
    )
    user_agent = models.CharField(max_length=300, blank=True, default="")
    address = models.CharField(max_length=45, blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at", "-id"]

    def __str__(self) -> str:
        return self.device

    @property
    def device(self) -> str:
        return devices.named(self.user_agent)

    @property
    def is_handheld(self) -> bool:
        return devices.is_handheld(self.user_agent)


class SecondFactor(models.Model):
    """An app that shows a code each half minute. Written by ``accounts.factors`` alone.

    ``seed`` is one half of the secret that the app has, the ``SECRET_KEY`` the other.
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, related_name="second_factor"
    )
    seed = models.CharField(max_length=64)
    # Of the code used last, in half minutes since 1970: it and all before are spent.
    last_step = models.BigIntegerField()
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.user)


class RecoveryCode(models.Model):
    """A code that is good once, for whoever has lost the app; kept as a digest."""

    factor = models.ForeignKey(
        SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.factor)


class Scope(models.TextChoices):
    READ = "read", _("Read")
    WRITE = "write", _("Read and write")
    LEAD = "lead", _("Everything a lead may do")


class KeyState(models.TextChoices):
    USABLE = "usable", _("Usable")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")
    CLOSED = "closed", _("Owner is deactivated")


class ApiKeyQuerySet(models.QuerySet):
    def usable(self) -> "ApiKeyQuerySet":
        """Keep keys that are neither revoked nor expired nor of a closed account."""
        return self.filter(_usable())

    def usable_first(self) -> "ApiKeyQuerySet":
        """List what is in use before what has ended, each newest first."""
        has_ended = models.Case(models.When(_usable(), then=0), default=1)
        return self.order_by(has_ended, "-created_at", "-pk")


def _usable() -> Q:
    return (
        Q(revoked_at=None)
        & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        & (Q(owner=None) | Q(owner__is_active=True))
    )


class ApiKey(Quick):
    """A script's way in. The key itself is shown once and never stored."""

    name = models.CharField(
        max_length=100, help_text=_("What uses it; the history shows this name.")
    )
    owner = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="api_keys",
        help_text=_(
            "A key never may more than its owner. Without one, its scope alone counts."
        ),
    )
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = [F("revoked_at").asc(nulls_first=True), "-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=Scope.values), name="apikey_scope_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def beginning(self) -> str:
        """What may be shown of the key itself."""
        return f"pk_{self.prefix}_…"

    @property
    def state(self) -> KeyState:
        if self.revoked_at:
            return KeyState.REVOKED
        if self.expires_at and self.expires_at <= timezone.now():
            return KeyState.EXPIRED
        owner = self.owner  # which is looked for each time that it is named
        if owner and not owner.is_active:
            return KeyState.CLOSED
        return KeyState.USABLE

    @property
    def expires_soon(self) -> bool:
        """Whether a usable key ends within two weeks."""
        if self.expires_at is None or self.state != KeyState.USABLE:
            return False
        return self.expires_at - timezone.now() < timedelta(days=14)

    # A key stands where a person stands: it is asked the same questions.

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def can_work(self) -> bool:
        owner = self.owner
        return self.scope != Scope.READ and (owner is None or owner.can_work)

    @property
    def can_lead(self) -> bool:
        """Whether a lead's steps are open: for any writing key of a lead or of
        nobody, since existing clients approve and claim with their one key."""
        owner = self.owner
        return self.scope != Scope.READ and (owner is None or owner.can_lead)

    @property
    def can_wipe(self) -> bool:
        return self.scope == Scope.LEAD and (self.owner is None or self.owner.can_lead)

    @property
    def worker_name(self) -> str:
        return self.owner.name if self.owner else self.name
