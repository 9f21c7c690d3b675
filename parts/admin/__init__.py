"""The admin of parts, for leads who fix data.

Nothing here writes a part's state: its form calls ``workflow.create`` and
``workflow.edit``, buttons and bulk actions take the steps of ``steps``.
"""

from . import background, events, files, parts  # noqa: F401 - registered by import
