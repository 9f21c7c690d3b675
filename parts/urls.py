from django.urls import path

from .views import boards, files, give, hand_in, home, live, parts, saved, steps
from .views.search import find

app_name = "parts"
urlpatterns = [
    path("", home.home, name="home"),
    path("review/", boards.review, name="review"),
    path("production/", boards.production, name="production"),
    path("completed/", boards.completed, name="completed"),
    path("search/", boards.search, name="search"),
    path("search/find/", find, name="find"),
    path("search/views/", saved.saved, name="views"),
    path("search/views/save/", saved.save, name="view-save"),
    path("search/views/<int:pk>/rename/", saved.rename, name="view-rename"),
    path("search/views/<int:pk>/raise/", saved.raise_, name="view-raise"),
    path("search/views/<int:pk>/delete/", saved.delete, name="view-delete"),
    path("parts/live/", live.live, name="live"),
    path("parts/new/", hand_in.create, name="create"),
    path("parts/new/files/", hand_in.files, name="drafts"),
    path("parts/new/files/<int:pk>/remove/", hand_in.remove, name="draft-remove"),
    path(
        "parts/new/files/<int:pk>/<str:tag>.png",
        hand_in.picture,
        name="draft-picture",
    ),
    path("parts/<int:pk>/", parts.detail, name="detail"),
    path("parts/<int:pk>/edit/", parts.edit, name="edit"),
    path("parts/<int:pk>/edit/<slug:field>/", parts.edit_field, name="edit-field"),
    path("parts/<int:pk>/delete/", parts.delete, name="delete"),
    path("parts/<int:pk>/approve/", steps.approve, name="approve"),
    path("parts/<int:pk>/send-back/", steps.send_back, name="send-back"),
    path("parts/<int:pk>/resubmit/", steps.resubmit, name="resubmit"),
    path("parts/<int:pk>/assign/", steps.assign, name="assign"),
    path("parts/<int:pk>/give/", give.give, name="give"),
    path("parts/<int:pk>/start/", steps.start, name="start"),
    path(
        "parts/<int:pk>/accept-revision/", steps.accept_revision, name="accept-revision"
    ),
    path("parts/<int:pk>/unclaim/", steps.unclaim, name="unclaim"),
    path("parts/<int:pk>/complete/", steps.complete, name="complete"),
    path("parts/<int:pk>/block/", steps.block, name="block"),
    path("parts/<int:pk>/unblock/", steps.unblock, name="unblock"),
    path("parts/<int:pk>/place/", steps.place, name="place"),
    path("parts/<int:pk>/made-wrong/", steps.made_wrong, name="made-wrong"),
    path("parts/<int:pk>/remake/", steps.remake, name="remake"),
    path("parts/<int:pk>/revert/", steps.revert, name="revert"),
    path("parts/<int:pk>/trash/", steps.trash, name="trash"),
    path("parts/<int:pk>/files/", files.upload, name="file-upload"),
    path(
        "parts/<int:pk>/files/<str:kind>/<int:revision>/",
        files.download,
        name="file-download",
    ),
    path(
        "parts/<int:pk>/files/<str:kind>/<int:revision>/retry/",
        files.retry,
        name="file-retry",
    ),
    path(
        "parts/<int:pk>/files/step/<int:revision>/<slug:tag>.png",
        files.picture,
        name="file-picture",
    ),
    path("parts/<int:pk>/drawing/", files.fetch_drawing, name="drawing-fetch"),
]
