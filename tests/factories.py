"""Valid rows for tests; a test spells only what it is about."""

import hashlib
import time
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import pyotp
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import factors, keys, tokens
from accounts.models import ApiKey, Role, Scope, SecondFactor, User
from parts import drafts, uploads, workflow
from parts.models import Category, Conversion, DraftFile, Part, PartFile, Status

STEP_SAMPLES = Path(__file__).parents[1] / "fixtures" / "step"
TINY_STEP = b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n"
TINY_PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
_number = count(1)

# What a part has, beyond its defaults, when it stands in a category.
_STANDS = {
    Category.REVIEW: {"status": Status.PENDING},
    Category.CNC: {"type": "cnc", "status": Status.REVIEWED},
    Category.HAND: {"type": "hand", "status": Status.REVIEWED},
    Category.MISC: {"type": "misc", "status": Status.REVIEWED},
    Category.COMPLETED: {"type": "cnc", "status": Status.COMPLETED},
}


def make_user(username: str = "", *, role: str = Role.MEMBER, **fields) -> User:
    username = username or f"user{next(_number)}"
    return User.objects.create_user(username, role=role, **fields)


def make_factor(user: User, *, last_step: int = 0) -> SecondFactor:
    return SecondFactor.objects.create(
        user=user, seed=tokens.new(), last_step=last_step
    )


def code_now(user: User, *, steps: int = 0) -> str:
    """Return what the app of ``user`` shows, or showed some half minutes away."""
    app = pyotp.TOTP(factors.secret_of(user.second_factor.seed))
    return app.at(time.time(), counter_offset=steps)


def make_key(
    *, scope: str = Scope.WRITE, owner: User | None = None, name: str = "Robot"
) -> tuple[ApiKey, str]:
    return keys.issue(name, scope=scope, owner=owner)


def make_part(**fields) -> Part:
    """Make a part in ``category`` (review) that agrees with itself."""
    stands = _STANDS[Category(fields.get("category", Category.REVIEW))]
    number = next(_number)
    return Part.objects.create(
        **{
            "name": f"Part {number}",
            "subsystem": "Intake",
            "material": "6061-T6",
            **stands,
            **fields,
        }
    )


def make_upload(name: str = "plate.step", content: bytes = TINY_STEP):
    return SimpleUploadedFile(name, content)


def make_file(
    part: Part, name: str = "plate.step", content: bytes = TINY_STEP
) -> PartFile:
    """Attach a file through the workflow, as the system itself."""
    return workflow.attach(part, uploads.store(make_upload(name, content)), actor=None)


def make_draft(
    owner: User,
    name: str = "plate.step",
    content: bytes = TINY_STEP,
    *,
    part_uuid: UUID | None = None,
    **fields,
) -> DraftFile:
    """Keep a file whose part is not handed in yet; ``fields`` are written over it."""
    upload = make_upload(name, content)
    file = drafts.keep(upload, part_uuid=part_uuid or uuid4(), owner=owner)
    DraftFile.objects.filter(pk=file.pk).update(**fields)
    file.refresh_from_db()
    return file


def make_converted(part: Part, *, facts: dict | None = None, **fields) -> PartFile:
    """Attach a STEP file whose conversion is done, without converting."""
    file = make_file(part)
    tag = hashlib.sha256(str(file.pk).encode()).hexdigest()
    model = default_storage.save(f"models/00/{tag}.glb", ContentFile(b"glTF-fake"))
    picture = default_storage.save(f"thumbnails/00/{tag}.png", ContentFile(b"PNG-fake"))
    PartFile.objects.filter(pk=file.pk).update(
        **{
            "state": Conversion.DONE,
            "model": model,
            "model_bytes": 9,
            "thumbnail": picture,
            "facts": facts or FACTS,
            **fields,
        }
    )
    file.refresh_from_db()
    part.refresh_from_db()
    return file


FACTS = {
    "box_mm": [203.2, 76.2, 2.286],
    "box_in": [8.0, 3.0, 0.09],
    "volume_mm3": 31116.8,
    "area_mm2": 29392.9,
    "closed": True,
    "solids": 1,
    "thickness_mm": 2.286,
    "holes": [
        {"diameter_mm": 5.1054, "count": 8},
        {"diameter_mm": 28.575, "count": 1},
    ],
    "items": [{"name": "plate", "count": 1}],
    "triangles": 1200,
    "faces": 24,
    "warnings": [],
}
