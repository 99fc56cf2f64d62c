"""The WSGI application: ``gunicorn -c config/gunicorn.py config.wsgi``."""

import os

import django

from common.api.chunked import buffered_chunked_bodies
from common.api.wsgi import Handler
from config import celery as celery  # noqa: PLC0414 - so that tasks are sent through our app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django.setup(set_prefix=False)
application = buffered_chunked_bodies(Handler())
