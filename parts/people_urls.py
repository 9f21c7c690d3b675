"""Pages of people that also tell of their parts; they stand below /account/."""

from django.urls import path

from .views import people

app_name = "people"
urlpatterns = [
    path("", people.profile, name="profile"),
    path("people/", people.people_list, name="list"),
    path("people/<int:pk>/role/", people.role, name="role"),
    path("people/<int:pk>/close/", people.close, name="close"),
    path("people/<int:pk>/open/", people.reopen, name="open"),
]
