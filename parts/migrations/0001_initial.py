import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0002_cache_table'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Part',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('code', models.CharField(blank=True, db_index=True, help_text='The number on drawing, label and box. Left empty, it is made.', max_length=100)),
                ('type', models.CharField(blank=True, choices=[('cnc', 'CNC or laser'), ('hand', 'Hand fabrication'), ('misc', 'Misc: bought, printed, sent out')], default='', max_length=10)),
                ('name', models.CharField(blank=True, default='', max_length=200)),
                ('subsystem', models.CharField(max_length=100)),
                ('material', models.CharField(blank=True, default='', max_length=200)),
                ('material_thickness', models.CharField(blank=True, default='', max_length=50)),
                ('amount', models.PositiveIntegerField(default=1, validators=[django.core.validators.MaxValueValidator(2147483647)])),
                ('made', models.PositiveIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(2147483647)])),
                ('scrapped', models.PositiveIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(2147483647)])),
                ('priority', models.SmallIntegerField(choices=[(0, 'Low'), (1, 'Normal'), (2, 'High'), (3, 'Urgent')], default=1)),
                ('due_date', models.DateField(blank=True, null=True)),
                ('notes', models.TextField(blank=True, default='', max_length=20000)),
                ('onshape_url', models.URLField(blank=True, default='', max_length=500, verbose_name='Onshape link')),
                ('service_method', models.CharField(blank=True, default='', help_text='Outside supplier or process of a misc part.', max_length=200)),
                ('category', models.CharField(choices=[('review', 'Review'), ('cnc', 'CNC'), ('hand', 'Hand'), ('misc', 'Misc'), ('completed', 'Completed')], default='review', max_length=10)),
                ('status', models.CharField(choices=[('Pending', 'Waiting for review'), ('Reviewed', 'Ready'), ('Approved', 'Approved'), ('In Progress', 'In progress'), ('Already Started', 'Already started'), ('Completed', 'Completed'), ('Cancelled', 'Cancelled')], default='Pending', max_length=20)),
                ('assigned', models.CharField(blank=True, default='', max_length=100)),
                ('claimed_date', models.DateTimeField(blank=True, null=True)),
                ('claimed_revision', models.PositiveIntegerField(blank=True, help_text='Number of the STEP file that stood when the part was claimed.', null=True)),
                ('blocked_reason', models.CharField(blank=True, default='', help_text='Why it cannot go on; in review: why it was sent back.', max_length=500)),
                ('reviewer', models.CharField(blank=True, default='', max_length=100)),
                ('storage_location', models.CharField(blank=True, default='', max_length=200)),
                ('completed_incorrectly', models.BooleanField(default=False, verbose_name='made wrong')),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('file', models.CharField(blank=True, default='', help_text='Bare name of the file that was uploaded last.', max_length=255)),
                ('extra', models.JSONField(blank=True, default=dict, help_text='miscInfo keys that have no column of their own.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'db_table': 'parts',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Season',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('archived', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['archived', '-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='PartFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('step', 'STEP file'), ('drawing', 'Drawing')], max_length=10)),
                ('revision', models.PositiveIntegerField()),
                ('name', models.CharField(help_text='As it was called when uploaded.', max_length=255)),
                ('content', models.FileField(max_length=200, upload_to='')),
                ('sha256', models.CharField(db_index=True, max_length=64)),
                ('size_bytes', models.PositiveBigIntegerField()),
                ('uploaded_by_name', models.CharField(blank=True, default='', max_length=100)),
                ('uploaded_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('state', models.CharField(blank=True, choices=[('', 'Nothing to convert'), ('queued', 'Waiting for conversion'), ('running', 'Being converted'), ('done', 'Converted'), ('failed', 'Conversion failed')], default='', max_length=10)),
                ('error', models.TextField(blank=True, default='')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('heartbeat_at', models.DateTimeField(blank=True, help_text='Last sign that its conversion goes on: queued, taken, at work.', null=True)),
                ('took_seconds', models.FloatField(blank=True, null=True)),
                ('model', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('model_bytes', models.PositiveBigIntegerField(blank=True, null=True)),
                ('thumbnail', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('facts', models.JSONField(blank=True, null=True)),
                ('part', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='parts.part')),
                ('uploaded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'file',
                'ordering': ['part_id', 'kind', '-revision'],
            },
        ),
        migrations.AddField(
            model_name='part',
            name='current_drawing',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='parts.partfile'),
        ),
        migrations.AddField(
            model_name='part',
            name='current_step',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='parts.partfile'),
        ),
        migrations.AddField(
            model_name='part',
            name='season',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='parts.season'),
        ),
        migrations.CreateModel(
            name='PartEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('actor_name', models.CharField(blank=True, default='', max_length=100)),
                ('verb', models.CharField(choices=[('created', 'handed in'), ('edited', 'changed'), ('uploaded', 'uploaded'), ('approved', 'approved'), ('sent_back', 'sent back'), ('resubmitted', 'handed in again'), ('assigned', 'took'), ('started', 'started'), ('accepted', 'accepted the new file'), ('unclaimed', 'let go'), ('completed', 'finished'), ('reverted', 'reopened'), ('trashed', 'moved to the trash'), ('restored', 'restored'), ('retried', 'asked for another conversion')], max_length=12)),
                ('changes', models.JSONField(blank=True, default=dict)),
                ('revision', models.PositiveIntegerField(blank=True, null=True)),
                ('note', models.TextField(blank=True, default='')),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('api_key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.apikey')),
                ('part', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='parts.part')),
            ],
            options={
                'verbose_name': 'history line',
                'verbose_name_plural': 'history',
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['-at', '-id'], name='partevent_newest'), models.Index(fields=['part', '-at', '-id'], name='partevent_timeline'), models.Index(fields=['verb', 'at'], name='partevent_verb'), models.Index(fields=['part', 'verb', 'at', 'id'], name='partevent_of_part')],
                'constraints': [models.CheckConstraint(condition=models.Q(('verb__in', ['created', 'edited', 'uploaded', 'approved', 'sent_back', 'resubmitted', 'assigned', 'started', 'accepted', 'unclaimed', 'completed', 'reverted', 'trashed', 'restored', 'retried'])), name='partevent_verb_known')],
            },
        ),
        migrations.AddIndex(
            model_name='partfile',
            index=models.Index(condition=models.Q(('state__in', ['queued', 'running'])), fields=['state', 'heartbeat_at'], name='partfile_to_convert'),
        ),
        migrations.AddConstraint(
            model_name='partfile',
            constraint=models.UniqueConstraint(fields=('part', 'kind', 'revision'), name='partfile_revision_unique'),
        ),
        migrations.AddConstraint(
            model_name='partfile',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['step', 'drawing'])), name='partfile_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='partfile',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['', 'queued', 'running', 'done', 'failed'])), name='partfile_state_known'),
        ),
        migrations.AddConstraint(
            model_name='partfile',
            constraint=models.CheckConstraint(condition=models.Q(('revision__gte', 1)), name='partfile_revision_counted'),
        ),
        migrations.AddConstraint(
            model_name='partfile',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('model', ''), _negated=True), _connector='OR'), name='partfile_done_has_model'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(fields=['category', 'created_at', 'id'], name='part_category_created'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(fields=['category', '-priority', 'due_date'], name='part_queue'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(fields=['created_at', 'id'], name='part_created'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(fields=['updated_at', 'id'], name='part_updated'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(fields=['assigned', 'category'], name='part_assigned'),
        ),
        migrations.AddIndex(
            model_name='part',
            index=models.Index(fields=['status', 'category'], name='part_status'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('type__in', ['', 'cnc', 'hand', 'misc'])), name='part_type_known'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('category__in', ['review', 'cnc', 'hand', 'misc', 'completed'])), name='part_category_known'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['Pending', 'Reviewed', 'Approved', 'In Progress', 'Already Started', 'Completed', 'Cancelled'])), name='part_status_known'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('priority__in', [0, 1, 2, 3])), name='part_priority_known'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 1), ('amount__lte', 2147483647)), name='part_amount_at_least_one'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('made__gte', 0), ('made__lte', 2147483647)), name='part_made_counted'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('scrapped__gte', 0), ('scrapped__lte', 2147483647)), name='part_scrapped_counted'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('category', 'completed'), ('status', 'Completed')), models.Q(models.Q(('category', 'completed'), _negated=True), models.Q(('status', 'Completed'), _negated=True)), _connector='OR'), name='part_completed_agrees', violation_error_message='Category and status contradict each other: completed is completed in both.'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('category__in', ('cnc', 'hand', 'misc')), _negated=True), ('category', models.F('type')), models.Q(('category', 'hand'), ('type', '')), _connector='OR'), name='part_lane_fits_type', violation_error_message='Category and type contradict each other: a part in production stands in the lane of its type.'),
        ),
    ]
