from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_cache_table'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='default_lane',
            field=models.CharField(blank=True, choices=[('cnc', 'CNC'), ('hand', 'Hand'), ('misc', 'Misc')], default='', help_text='The work that is mine as a rule; empty is all of it.', max_length=4, verbose_name='lane'),
        ),
        migrations.AddField(
            model_name='user',
            name='theme',
            field=models.CharField(choices=[('auto', 'As the device'), ('light', 'Light'), ('dark', 'Dark')], default='auto', max_length=5),
        ),
        migrations.AddField(
            model_name='user',
            name='time_zone',
            field=models.CharField(blank=True, default='', help_text='Such as Europe/Berlin. Empty is that of the device.', max_length=64, verbose_name='time zone'),
        ),
        migrations.AddField(
            model_name='user',
            name='units',
            field=models.CharField(choices=[('mm', 'Millimetres'), ('in', 'Inches')], default='mm', max_length=2),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('theme__in', ['auto', 'light', 'dark'])), name='user_theme_known'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('units__in', ['mm', 'in'])), name='user_units_known'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('default_lane__in', ['', 'cnc', 'hand', 'misc'])), name='user_lane_known'),
        ),
    ]
