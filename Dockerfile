# The image: both programs, static, and nothing else. Build it with
#
#   docker build --tag tokenlease .
#
# tests/image.sh does without a container engine what this file says, and tries what comes of it.

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates cmake musl-tools
RUN rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
RUN cargo build --release --locked --target "$(uname -m)-unknown-linux-musl" --package quota-server --package openai-gateway
RUN install -D --strip --target-directory=/image/usr/bin target/*-unknown-linux-musl/release/quota-server target/*-unknown-linux-musl/release/openai-gateway
# What gateways trust of providers.
RUN install -D --mode=644 --target-directory=/image/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt
# Where the embedded ledger may write: the one folder that is the programs' own.
RUN install -D --directory --owner=65532 --group=65532 /image/var/lib/tokenlease

FROM scratch
LABEL org.opencontainers.image.title="tokenlease" \
      org.opencontainers.image.description="One limit, many gateways: quota-server and openai-gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
USER 65532:65532
WORKDIR /var/lib/tokenlease
VOLUME /var/lib/tokenlease
EXPOSE 7700
# Of the server; a gateway (--entrypoint /usr/bin/openai-gateway) is started with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s CMD ["/usr/bin/quota-server", "check"]
ENTRYPOINT ["/usr/bin/quota-server"]
# Without tokens the server refuses this address, and says so.
CMD ["serve", "--listen=0.0.0.0:7700", "--data-dir=/var/lib/tokenlease"]
