from django.conf import settings
from django.db import migrations, models

from partsite.indexes import AddIndex


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0005_invitation'),
        ('parts', '0012_conversion_count'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndex(
            model_name='partevent',
            index=models.Index(fields=['actor', 'verb', '-at', '-id'], name='partevent_of_actor'),
        ),
    ]
