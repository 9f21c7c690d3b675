import django.db.models.lookups
from django.db import migrations, models

from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('parts', '0010_lists_in_any_order'),
    ]

    operations = [
        AddIndex(
            model_name='part',
            index=models.Index(models.OrderBy(models.F('priority'), descending=True), django.db.models.lookups.IsNull(models.F('due_date'), True), models.F('due_date'), models.F('created_at'), models.F('id'), condition=models.Q(('deleted_at', None)), name='part_most_urgent'),
        ),
    ]
