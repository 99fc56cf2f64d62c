"""The WSGI application: ``gunicorn -c config/gunicorn.py config.wsgi``."""

import os

import django

from common.api.chunked import buffered_chunked_bodies
from common.api.wsgi import Handler
from common.observability.tracing_requests import traced
from config import celery as celery  # noqa: PLC0414 - so that tasks are sent through our app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django.setup(set_prefix=False)

from common.api.shortcuts import offered  # noqa: E402 - needs the settings

application = traced(buffered_chunked_bodies(Handler(offered)))
