import django.db.models.deletion
from django.db import migrations, models

from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0006_second_factor'),
        ('parts', '0016_indexes_of_no_use'),
    ]

    # Every new part had its place in all that are dropped here. Most files' indexes
    # were of parts without one; the last two are of use to nobody but a lead who looks
    # for one kind of event, or deletes a key.
    operations = [
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('current_step__isnull', False)), fields=['current_step'], name='part_of_step'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('current_drawing__isnull', False)), fields=['current_drawing'], name='part_of_drawing'),
        ),
        AddIndex(
            model_name='partevent',
            index=models.Index(fields=['at', 'id'], name='partevent_by_time'),
        ),
        migrations.RemoveIndex(
            model_name='partevent',
            name='partevent_newest',
        ),
        migrations.AlterField(
            model_name='part',
            name='current_step',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='parts.partfile'),
        ),
        migrations.AlterField(
            model_name='part',
            name='current_drawing',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='parts.partfile'),
        ),
        migrations.RemoveIndex(
            model_name='part',
            name='part_place',
        ),
        migrations.RemoveIndex(
            model_name='partevent',
            name='partevent_verb',
        ),
        migrations.AlterField(
            model_name='partevent',
            name='api_key',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.apikey'),
        ),
    ]
