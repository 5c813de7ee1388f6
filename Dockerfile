ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /build
COPY requirements/build.txt requirements/run.txt requirements/
RUN /build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
# Without pip: what runs installs nothing.
RUN python3 -m venv --without-pip /opt/sendkit-exporter \
 && /build/bin/pip --python /opt/sendkit-exporter/bin/python install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY prometheus/runbooks prometheus/runbooks
COPY exporter exporter
# Compiled here, because the root that it runs on may be read-only.
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /build/bin/pip --python /opt/sendkit-exporter/bin/python install --no-deps --no-index dist/*.whl \
 && /opt/sendkit-exporter/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/sendkit-exporter/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="sendkit-exporter" \
      org.opencontainers.image.description="Prometheus exporter for SendKit's sending mailboxes" \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/sendkit-exporter /opt/sendkit-exporter
ENV PATH=/opt/sendkit-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SENDKIT_EXPORTER_WEB_LISTEN_ADDRESS=:19587
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 19587
# Over plain http, as the exporter speaks by default; docs/operating.md has one for --web.config.file.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python3", "-c", "from http.client import HTTPConnection; c = HTTPConnection('127.0.0.1', 19587, timeout=4); c.request('GET', '/-/healthy'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["sendkit-exporter"]
CMD ["run"]
