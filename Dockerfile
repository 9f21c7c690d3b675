# Web server and worker of the site as one image. compose.yaml runs it with all that
# it needs (docs/deploy.md). A test follows these steps without Docker: what they
# write lies below /srv and /data.

FROM node:22-bookworm-slim AS assets
WORKDIR /srv/assets
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY icons icons
COPY static static
COPY viewer viewer
RUN npm run build

FROM python:3.13-slim-trixie AS site
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/parts
COPY requirements.txt ./
# Without pip in it: nothing is to be installed where the site runs.
RUN python -m venv --without-pip /srv/venv \
    && python -m pip --python /srv/venv/bin/python install -r requirements.txt
COPY . .
COPY --from=assets /srv/assets/build build
# Static files are the same for all settings; the imports tell of a missing library.
RUN DJANGO_SETTINGS_MODULE=partsite.settings.dev SECRET_KEY=of-this-step-alone \
    /srv/venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /srv/venv/bin/python -m compileall -q . \
    && /srv/venv/bin/python -c "import cascadio, numpy, PIL, psycopg"

FROM python:3.13-slim-trixie
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=partsite.settings.prod \
    DATA_DIR=/data \
    HOME=/data \
    HOST=0.0.0.0 \
    PORT=8000
RUN install -d -m 0750 -o 10001 -g 10001 /data
COPY --from=site /srv/venv /srv/venv
COPY --from=site /srv/parts /srv/parts
WORKDIR /srv/parts
USER 10001:10001
# Files and, with SQLite, the database. All else may be read-only, but for /tmp.
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s \
    CMD ["python", "partsite/healthcheck.py"]
CMD ["python", "-m", "gunicorn", "partsite.wsgi"]
