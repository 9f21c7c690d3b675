import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('parts', '0003_claimed_drawing'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DraftFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('step', 'STEP file'), ('drawing', 'Drawing')], max_length=10)),
                ('name', models.CharField(help_text='As it was called when uploaded.', max_length=255)),
                ('content', models.FileField(max_length=200, upload_to='')),
                ('sha256', models.CharField(db_index=True, max_length=64)),
                ('size_bytes', models.PositiveBigIntegerField()),
                ('state', models.CharField(blank=True, choices=[('', 'Nothing to convert'), ('queued', 'Waiting for conversion'), ('running', 'Being converted'), ('done', 'Converted'), ('failed', 'Conversion failed')], default='', max_length=10)),
                ('error', models.TextField(blank=True, default='')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('heartbeat_at', models.DateTimeField(blank=True, help_text='Last sign that its conversion goes on: queued, taken, at work.', null=True)),
                ('took_seconds', models.FloatField(blank=True, null=True)),
                ('model', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('model_bytes', models.PositiveBigIntegerField(blank=True, null=True)),
                ('thumbnail', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('facts', models.JSONField(blank=True, null=True)),
                ('part_uuid', models.UUIDField(db_index=True, help_text='That of the part which it is sent for.')),
                ('sent_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('product', models.CharField(blank=True, default='', help_text='What the file calls the one part in it.', max_length=200)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state', 'heartbeat_at'], name='draftfile_to_convert')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['step', 'drawing'])), name='draftfile_kind_known'), models.CheckConstraint(condition=models.Q(('state__in', ['', 'queued', 'running', 'done', 'failed'])), name='draftfile_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('model', ''), _negated=True), _connector='OR'), name='draftfile_done_has_model')],
            },
        ),
    ]
