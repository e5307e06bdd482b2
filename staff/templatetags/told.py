"""What an entry of the record tells, for the templates that show one."""

from django import template

from staff.told import lines_of

register = template.Library()
register.filter("lines", lines_of)
