from django.db import migrations, models


class Migration(migrations.Migration):

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
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['category', 'created_at', 'id'], name='part_newest_of_category'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['name', 'id'], name='part_by_name'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['status', 'id'], name='part_by_status'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['assigned', 'id'], name='part_by_assigned'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['created_at', 'id'], name='part_by_created_at'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['updated_at', 'id'], name='part_by_updated_at'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['subsystem', 'id'], name='part_by_subsystem'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['material', 'id'], name='part_by_material'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['type', 'id'], name='part_by_type'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['amount', 'id'], name='part_by_amount'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(condition=models.Q(('deleted_at', None)), fields=['claimed_date', 'id'], name='part_by_claimed_date'),
        ),
    ]
