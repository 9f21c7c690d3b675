from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('parts', '0011_most_urgent_first'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConversionCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outcome', models.CharField(max_length=10)),
                ('up_to', models.CharField(max_length=4)),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('seconds', models.FloatField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('outcome', 'up_to'), name='conversioncount_one_each')],
            },
        ),
    ]
