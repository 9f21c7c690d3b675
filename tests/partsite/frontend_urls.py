"""The routes of a site with a front end of one's own."""

from partsite.urls import routes

urlpatterns = routes(has_frontend=True)
