from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('parts', '0002_drawing_fetch'),
    ]

    operations = [
        migrations.AddField(
            model_name='part',
            name='claimed_drawing',
            field=models.PositiveIntegerField(blank=True, help_text='Number of the drawing that stood when the part was claimed; 0 if there was none.', null=True),
        ),
        migrations.AlterField(
            model_name='part',
            name='claimed_revision',
            field=models.PositiveIntegerField(blank=True, help_text='Number of the STEP file that stood when the part was claimed; 0 if there was none.', null=True),
        ),
    ]
