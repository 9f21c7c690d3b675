from django.db import migrations, models

from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('parts', '0006_saved_filter'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='part',
            name='part_category_created',
        ),
        migrations.RemoveIndex(
            model_name='part',
            name='part_created',
        ),
        migrations.RemoveIndex(
            model_name='part',
            name='part_updated',
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['category', 'created_at', 'id'], name='part_newest_of_category'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['name', 'id'], name='part_by_name'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['status', 'id'], name='part_by_status'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['assigned', 'id'], name='part_by_assigned'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['created_at', 'id'], name='part_by_created_at'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['updated_at', 'id'], name='part_by_updated_at'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['subsystem', 'id'], name='part_by_subsystem'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['material', 'id'], name='part_by_material'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['type', 'id'], name='part_by_type'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['amount', 'id'], name='part_by_amount'),
        ),
        AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['claimed_date', 'id'], name='part_by_claimed_date'),
        ),
    ]
