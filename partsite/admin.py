"""The administration's site: its texts, its order and who comes in."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

_ORDER = ("parts", "accounts")


class LeadSite(admin.AdminSite):
    """Django's admin for leads; there is one sign-in, the site's own."""

    site_header = _("Parts: administration")
    site_title = _("Parts")
    index_title = _("Administration")
    site_url = reverse_lazy("parts:home")  # the root may be a front end's

    def get_app_list(self, request, app_label=None) -> list[dict]:
        """Put what leads come for first; the rest follows by its name."""
        apps = super().get_app_list(request, app_label)
        return sorted(
            apps,
            key=lambda app: (
                _ORDER.index(app["app_label"])
                if app["app_label"] in _ORDER
                else len(_ORDER)
            ),
        )

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request, extra_context=None):
        """Send strangers to the sign-in page and refuse who is no lead.

        A signed-in member must not be sent to sign in: that page would send
        them back here, for ever.
        """
        index = reverse("admin:index", current_app=self.name)
        if self.has_permission(request):
            return redirect(index)
        if request.user.is_authenticated:
            raise PermissionDenied(_("Only leads may use the administration."))
        return redirect_to_login(request.GET.get("next") or index)
