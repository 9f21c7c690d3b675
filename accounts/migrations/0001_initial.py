import django.contrib.auth.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('username', models.CharField(error_messages={'unique': 'This user name is taken.'}, help_text='What you sign in with: letters, digits and @ . + - _', max_length=100, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='user name')),
                ('name', models.CharField(blank=True, help_text='What the team sees on a part. Left empty, it is the user name.', max_length=100, verbose_name='display name')),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('member', 'Member'), ('lead', 'Lead')], default='member', max_length=10)),
                ('is_active', models.BooleanField(default=True, help_text='Clear it instead of deleting an account: nobody can sign in with it, and the history keeps its name.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('username'), name='user_username_unique', violation_error_message='This user name is taken.'), models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='user_name_unique', violation_error_message='Somebody else has this display name.'), models.CheckConstraint(condition=models.Q(('role__in', ['viewer', 'member', 'lead'])), name='user_role_known')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What uses it; the history shows this name.', max_length=100)),
                ('prefix', models.CharField(editable=False, max_length=12, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('scope', models.CharField(choices=[('read', 'Read'), ('write', 'Read and write'), ('lead', 'Everything a lead may do')], default='read', max_length=5)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('owner', models.ForeignKey(blank=True, help_text='A key never may more than its owner. Without one, its scope alone counts.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': [models.OrderBy(models.F('revoked_at'), nulls_first=True), '-created_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('scope__in', ['read', 'write', 'lead'])), name='apikey_scope_known')],
            },
        ),
    ]
