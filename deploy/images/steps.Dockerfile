# One image for every step of the compiled pipeline, and for the `adclick` command in a cluster (docs/deploy.md).
#   docker build -f deploy/images/steps.Dockerfile -t adclick-steps .
# Built from the locks, hashes checked; .dockerignore names all that a build can see.
ARG PYTHON_IMAGE=python:3.10.19-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# A compiler for the packages without wheels, all of them pure C or Python (scripts/lock.sh lists them); it stays in
# this stage. Debian keeps only the newest build of a package, so a pinned one would soon be gone.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements/bootstrap.lock requirements/build.lock requirements/portable.lock requirements/
RUN python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: --target /opt/bootstrap \
      -r requirements/bootstrap.lock \
 && python -m venv --without-pip /opt/adclick
# Bytecode is compiled here, since nothing can be written later.
ENV UV_CACHE_DIR=/var/cache/uv
RUN --mount=type=cache,target=/var/cache/uv \
    /opt/bootstrap/bin/uv pip sync --python /opt/adclick/bin/python --link-mode copy --compile-bytecode \
      --require-hashes --build-constraints requirements/build.lock --require-build-hashes requirements/portable.lock
COPY requirements/runtime.in requirements/
COPY pyproject.toml setup.py LICENSE run_*.py ./
COPY adclick adclick
COPY components components
COPY configs configs
COPY monitoring monitoring
COPY pipeline pipeline
COPY serving serving
COPY simulator simulator
COPY trainer trainer
# setuptools is in the runtime lock: the wheel is built with it and with nothing from elsewhere.
RUN /opt/bootstrap/bin/uv build --python /opt/adclick/bin/python --no-build-isolation --wheel --out-dir /wheel . \
 && /opt/bootstrap/bin/uv pip install --python /opt/adclick/bin/python --link-mode copy --compile-bytecode --no-deps \
      --no-index /wheel/*.whl \
 && /opt/bootstrap/bin/uv pip check --python /opt/adclick/bin/python

FROM ${PYTHON_IMAGE}
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="adclick steps" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Kubeflow's launcher runs as this user and writes the copies of artifacts below these folders; newer releases mount
# volumes there.
RUN groupadd --gid 10001 adclick \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin adclick \
 && install --directory --mode 1777 /minio /s3 /gcs
COPY --from=build /opt/adclick /opt/adclick
# The flag is TensorFlow Transform's need: a Beam worker imports TensorFlow before any line of ours.
ENV PATH=/opt/adclick/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_USE_LEGACY_KERAS=1 \
    TF_CPP_MIN_LOG_LEVEL=3
USER 10001:10001
WORKDIR /home/adclick
# A step runs to its end: its exit status is its health.
HEALTHCHECK NONE
# No entry point: the launcher and the manifests give the whole command.
CMD ["adclick", "--help"]
