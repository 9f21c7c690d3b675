import django.db.models.deletion
from django.db import migrations, models

from partsite.computed import AddComputed


class Migration(migrations.Migration):

    dependencies = [
        ('parts', '0004_draft_file'),
    ]

    # Parts before events, as whoever writes takes them: else they wait for each other.
    operations = [
        migrations.AddField(
            model_name='part',
            name='remake_of',
            field=models.OneToOneField(blank=True, editable=False, help_text='The part that was made wrong, and that this one replaces.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='remake', to='parts.part'),
        ),
        migrations.AddField(
            model_name='part',
            name='wrong_reason',
            field=models.CharField(blank=True, default='', help_text='What was made wrong.', max_length=500),
        ),
        AddComputed(
            model_name='part',
            name='queue',
            field=models.GeneratedField(db_persist=True, expression=models.Case(models.When(status='Cancelled', then=4), models.When(models.Q(('blocked_reason', ''), _negated=True), then=3), models.When(status='In Progress', then=1), models.When(status='Already Started', then=2), default=0), output_field=models.SmallIntegerField(choices=[(0, 'Ready'), (1, 'In progress'), (2, 'Already started'), (3, 'Blocked'), (4, 'Cancelled')])),
            preset=0,
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('wrong_reason', ''), ('completed_incorrectly', True), _connector='OR'), name='part_wrong_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='part',
            constraint=models.CheckConstraint(condition=models.Q(('remake_of', None), models.Q(('remake_of', models.F('id')), _negated=True), _connector='OR'), name='part_no_remake_of_itself'),
        ),
        migrations.RemoveConstraint(
            model_name='partevent',
            name='partevent_verb_known',
        ),
        migrations.AlterField(
            model_name='partevent',
            name='verb',
            field=models.CharField(choices=[('created', 'handed in'), ('edited', 'changed'), ('uploaded', 'uploaded'), ('approved', 'approved'), ('sent_back', 'sent back'), ('resubmitted', 'handed in again'), ('assigned', 'took'), ('started', 'started'), ('accepted', 'accepted the new file'), ('unclaimed', 'let go'), ('completed', 'finished'), ('marked_wrong', 'said it was made wrong'), ('remade', 'sent it back to be made again'), ('reverted', 'reopened'), ('trashed', 'moved to the trash'), ('restored', 'restored'), ('retried', 'asked for another conversion')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='partevent',
            constraint=models.CheckConstraint(condition=models.Q(('verb__in', ['created', 'edited', 'uploaded', 'approved', 'sent_back', 'resubmitted', 'assigned', 'started', 'accepted', 'unclaimed', 'completed', 'marked_wrong', 'remade', 'reverted', 'trashed', 'restored', 'retried'])), name='partevent_verb_known'),
        ),
    ]
