import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_cache_table'),
        ('parts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DrawingFetch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('link', models.URLField(help_text="The part's link when asked.", max_length=500)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('asked_by_name', models.CharField(blank=True, default='', max_length=100)),
                ('state', models.CharField(choices=[('queued', 'Waiting'), ('running', 'Being fetched'), ('done', 'Fetched'), ('failed', 'Failed')], default='queued', max_length=10)),
                ('error', models.TextField(blank=True, default='')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('heartbeat_at', models.DateTimeField(default=django.utils.timezone.now, help_text='Last sign that it goes on: asked, taken, at work, ended.')),
                ('is_new', models.BooleanField(default=False)),
                ('api_key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.apikey')),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('drawing', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='parts.partfile')),
                ('part', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='drawing_fetches', to='parts.part')),
            ],
            options={
                'verbose_name': 'fetch of a drawing',
                'verbose_name_plural': 'fetches of drawings',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running'])), fields=('part',), name='drawingfetch_one_open'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'done', 'failed'])), name='drawingfetch_state_known')],
            },
        ),
    ]
