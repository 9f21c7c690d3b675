import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Backup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('reason', models.CharField(blank=True, default='', max_length=20)),
                ('path', models.CharField(blank=True, default='', max_length=500)),
                ('size_bytes', models.PositiveBigIntegerField(blank=True, null=True)),
                ('parts', models.PositiveIntegerField(blank=True, null=True)),
                ('files', models.PositiveIntegerField(blank=True, null=True)),
                ('warnings', models.TextField(blank=True, default='')),
                ('error', models.TextField(blank=True, default='')),
            ],
            options={
                'ordering': ['-started_at', '-id'],
            },
        ),
    ]
