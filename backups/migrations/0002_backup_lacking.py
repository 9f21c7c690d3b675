from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backups', '0001_backup'),
    ]

    operations = [
        migrations.AddField(
            model_name='backup',
            name='lacking',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
