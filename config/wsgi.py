"""The WSGI application: ``gunicorn -c config/gunicorn.py config.wsgi``."""

import os

from django.core.wsgi import get_wsgi_application

from common.api.chunked import buffered_chunked_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = buffered_chunked_bodies(get_wsgi_application())
