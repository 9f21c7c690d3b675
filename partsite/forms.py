"""The renderer that gives every form field the project's own markup."""

from django.forms.renderers import TemplatesSetting


class FieldRenderer(TemplatesSetting):
    field_template_name = "forms/field.html"
