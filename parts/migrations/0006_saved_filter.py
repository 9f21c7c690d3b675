import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('parts', '0005_lanes_and_remakes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedFilter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('board', models.CharField(choices=[('review', 'Review'), ('production', 'Production'), ('completed', 'Completed'), ('search', 'All parts')], max_length=10)),
                ('query', models.CharField(blank=True, default='', max_length=1000)),
                ('order', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_filters', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['order', 'id'],
                'constraints': [models.UniqueConstraint(models.F('owner'), django.db.models.functions.text.Lower('name'), name='savedfilter_name_unique'), models.CheckConstraint(condition=models.Q(('board__in', ['review', 'production', 'completed', 'search'])), name='savedfilter_board_known'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='savedfilter_has_name')],
            },
        ),
    ]
