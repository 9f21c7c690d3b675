import django.db.models.lookups
from django.db import migrations, models

from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('parts', '0017_smaller_indexes'),
    ]

    # SQLite 3.46 took another index of the category and sorted all of a lane for the
    # first page of it.
    operations = [
        migrations.RemoveIndex(
            model_name='part',
            name='part_lane',
        ),
        AddIndex(
            model_name='part',
            index=models.Index(models.F('category'), models.F('queue'), models.OrderBy(models.F('priority'), descending=True), django.db.models.lookups.IsNull(models.F('due_date'), True), models.F('due_date'), models.F('created_at'), models.F('id'), models.F('season'), models.F('amount'), condition=models.Q(('deleted_at', None)), name='part_lane'),
        ),
    ]
