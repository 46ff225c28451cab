# pidone in an image of its own, which holds the program and nothing else:
#
#     docker run --rm -v "$PWD:/work" pidone check
#
# To repair files, run it as their owner: docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" pidone check --fix
FROM rust:1-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
# On Alpine, Rust links statically.
RUN cargo build --release --locked && mv target/release/pidone /pidone

FROM scratch
COPY --from=build /pidone /pidone
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/pidone"]
CMD ["check"]
