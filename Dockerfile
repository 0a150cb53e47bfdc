# The server. Libraries by hash, from requirements/run.txt; sources of this folder; no compiler, no root.
FROM python:3.11-slim-bookworm AS libraries
COPY requirements/run.txt /tmp/run.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r /tmp/run.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin dialer \
    && install -d -o dialer -g dialer /var/lib/dialer
COPY --from=libraries /opt/venv /opt/venv
COPY LICENSE /opt/dialer/
COPY asterisk_conf /opt/dialer/asterisk_conf
COPY dialer /opt/dialer/dialer
COPY api /opt/dialer/api
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/dialer PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/dialer
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Alive, not ready: a server whose Asterisk is away must not be restarted. Whether it can work is the alerts' business.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "dialer"]
CMD ["run", "--config", "/etc/dialer/dialer.toml"]
