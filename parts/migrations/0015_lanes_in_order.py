from django.db import migrations, models

from partsite.computed import FillComputed
from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('parts', '0014_lists_of_what_waits'),
    ]

    operations = [
        FillComputed(
            model_name='part',
            name='queue',
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['category', 'queue', '-priority', 'due_date', 'season', 'amount'], name='part_lane'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['category', '-completed_at', '-id'], name='part_finished'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['category', 'storage_location'], name='part_place'),
        ),
    ]
