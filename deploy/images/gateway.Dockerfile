# The gateway, and the program that brings models out of a store: small, without TensorFlow.
#   docker build -f deploy/images/gateway.Dockerfile -t adclick-gateway .
#   docker build -f deploy/images/gateway.Dockerfile --target replica -t adclick-replica .
# Built from parts of the steps' lock, hashes checked; .dockerignore names all that a build can see.
ARG PYTHON_IMAGE=python:3.10.19-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
COPY requirements/bootstrap.lock requirements/build.lock requirements/
RUN python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: --target /opt/bootstrap \
      -r requirements/bootstrap.lock \
 && python -m venv --without-pip /opt/wheel \
 && /opt/bootstrap/bin/uv pip sync --no-cache --python /opt/wheel/bin/python --require-hashes requirements/build.lock
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
RUN /opt/bootstrap/bin/uv build --python /opt/wheel/bin/python --no-build-isolation --wheel --out-dir /wheel .

# The wheel names all that a run needs (requirements/runtime.in); here only what the lock has is installed.
FROM build AS build-gateway
COPY requirements/gateway.lock requirements/
RUN python -m venv --without-pip /opt/adclick \
 && /opt/bootstrap/bin/uv pip sync --no-cache --python /opt/adclick/bin/python --compile-bytecode --only-binary :all: \
      --require-hashes requirements/gateway.lock \
 && /opt/bootstrap/bin/uv pip install --no-cache --python /opt/adclick/bin/python --compile-bytecode --no-deps \
      --no-index /wheel/*.whl

FROM build AS build-replica
COPY requirements/replica.lock requirements/
RUN python -m venv --without-pip /opt/adclick \
 && /opt/bootstrap/bin/uv pip sync --no-cache --python /opt/adclick/bin/python --compile-bytecode --only-binary :all: \
      --require-hashes requirements/replica.lock \
 && /opt/bootstrap/bin/uv pip install --no-cache --python /opt/adclick/bin/python --compile-bytecode --no-deps \
      --no-index /wheel/*.whl

FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 adclick \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin adclick \
 && install --directory --owner 10001 --group 10001 /models /var/lib/adclick /var/lib/adclick/requests
ENV PATH=/opt/adclick/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/adclick

FROM runtime AS replica
LABEL org.opencontainers.image.title="adclick replica"
COPY --from=build-replica /opt/adclick /opt/adclick
HEALTHCHECK --interval=60s --timeout=10s --start-period=120s \
  CMD ["python", "-m", "serving.replica", "--target", "/models/adclick", "--check", "300"]
ENTRYPOINT ["python", "-m", "serving.replica"]
CMD ["--help"]

FROM runtime AS gateway
LABEL org.opencontainers.image.title="adclick gateway"
COPY --from=build-gateway /opt/adclick /opt/adclick
EXPOSE 8080
# Alive, not ready: who balances between gateways asks /readyz.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "serving.gateway"]
CMD ["--config", "/etc/adclick/gateway.yaml"]
