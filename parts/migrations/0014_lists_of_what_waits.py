import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('parts', '0013_events_of_actor'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('blocked_reason', ''), ('category__in', ['review']), ('deleted_at', None)), fields=['created_at', 'id', 'season'], name='part_in_review'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(models.OrderBy(models.F('priority'), descending=True), django.db.models.lookups.IsNull(models.F('due_date'), True), models.F('due_date'), models.F('created_at'), models.F('id'), models.F('category'), models.F('season'), condition=models.Q(('assigned', ''), ('blocked_reason', ''), ('category__in', ('cnc', 'hand', 'misc')), ('deleted_at', None)), name='part_ready'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('category__in', ('cnc', 'hand', 'misc')), ('deleted_at', None), models.Q(('assigned', ''), _negated=True)), fields=['claimed_date', 'id', 'assigned', 'season'], name='part_held'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('category__in', ['review', 'cnc', 'hand', 'misc']), ('deleted_at', None), ('due_date__isnull', False)), fields=['due_date', 'id', 'season'], name='part_overdue'),
        ),
        AddIndex(
            model_name='partfile',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['id'], name='partfile_failed'),
        ),
    ]
