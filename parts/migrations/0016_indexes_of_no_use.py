import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('parts', '0015_lanes_in_order'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # No statement used the first three any more; the other two are the beginnings of
    # ``partevent_of_actor`` and ``partevent_timeline``.
    operations = [
        migrations.RemoveIndex(
            model_name='part',
            name='part_queue',
        ),
        migrations.RemoveIndex(
            model_name='part',
            name='part_assigned',
        ),
        migrations.RemoveIndex(
            model_name='part',
            name='part_status',
        ),
        migrations.AlterField(
            model_name='partevent',
            name='actor',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='partevent',
            name='part',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='parts.part'),
        ),
    ]
