# hotline. Build: docker build -t hotline .    Run: docker compose up
FROM python:3.13-slim AS build
WORKDIR /src
COPY locks/run.txt locks/run.txt
RUN python -m venv /opt/hotline && /opt/hotline/bin/pip install --no-cache-dir --require-hashes -r locks/run.txt
COPY pyproject.toml hatch_build.py package.json package-lock.json .npmrc README.md LICENSE ./
COPY dialplans/flows dialplans/flows
COPY hotline hotline
RUN /opt/hotline/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
# The voice of the prompts (HOTLINE_SPEECH_COMMAND).
RUN apt-get update && apt-get install --yes --no-install-recommends espeak-ng && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/hotline /opt/hotline
RUN useradd --system --uid 1000 --home-dir /data hotline && install -d -o hotline -g hotline -m 700 /data
ENV PATH=/opt/hotline/bin:$PATH HOTLINE_DATA_DIR=/data HOTLINE_HTTP_BIND=0.0.0.0:8080 HOTLINE_LOG_FORMAT=json
USER hotline
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["hotline"]
CMD ["serve"]
