# CPU by default:           docker build -t spellwright .
# With CUDA:                docker build -t spellwright --build-arg TORCH_BACKEND=cu128 .
# Run:                      docker run -p 127.0.0.1:7860:7860 -v spellwright:/data -e SPELLWRIGHT_API_KEY=... spellwright
#                           (a secret of yours, 16 characters or more: in a container the server cannot tell who its neighbours are)
# Under another name:       add -e SPELLWRIGHT_PUBLIC_HOSTS=spells.example.org
FROM python:3.11-slim AS build
ARG TORCH_BACKEND=cpu
ENV UV_LINK_MODE=copy UV_NO_CACHE=1
RUN python -m venv /opt/spellwright && pip install --no-cache-dir uv
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY prompts prompts
COPY generator generator
COPY service service
RUN uv pip install --python /opt/spellwright/bin/python --torch-backend "$TORCH_BACKEND" --constraint constraints.txt .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 spellwright && mkdir /data && chown spellwright:spellwright /data
COPY --from=build /opt/spellwright /opt/spellwright
ENV PATH=/opt/spellwright/bin:$PATH \
    SPELLWRIGHT_DATA_DIR=/data \
    OMP_WAIT_POLICY=PASSIVE \
    PYTHONUNBUFFERED=1
USER spellwright
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/readyz', timeout=4)"
CMD ["spellwright", "serve", "--host", "0.0.0.0", "--port", "7860"]
