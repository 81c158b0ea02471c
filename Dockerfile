# helios-connect in an image that holds nothing else: no shell, no package manager.
# It runs as nobody (65532), on a read-only root.

FROM golang:1.26.4-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0
# What is needed changes seldom, and is fetched once.
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=local
ARG DATE=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=${VERSION} -X main.dateBuilt=${DATE}" \
      -o /out/helios-connect ./cmd/helios-connect

FROM gcr.io/distroless/static-debian12:nonroot
WORKDIR /helios
COPY --from=build /out/helios-connect /usr/local/bin/helios-connect
COPY config config
COPY pipelines pipelines
COPY deploy/compose/simulator deploy/compose/simulator
ENV HELIOS_HTTP_ADDRESS=127.0.0.1:4195
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=12 \
    CMD ["/usr/local/bin/helios-connect", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/helios-connect"]
CMD ["start"]
