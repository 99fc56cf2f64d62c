"""The WSGI application: ``gunicorn -c config/gunicorn.py config.wsgi``."""

import os

import django

from common.api.chunked import buffered_chunked_bodies
from common.api.unread import read_to_the_end
from common.api.wsgi import Handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django.setup(set_prefix=False)
application = read_to_the_end(buffered_chunked_bodies(Handler()))
