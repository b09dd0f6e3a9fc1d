# What can be done here: `make help`.

.PHONY: help demo serve test chaos compat lint bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: ## three app servers share a private Redis; checks what it shows, leaves nothing running
	@sh .ci/need-redis || echo "The demo goes on without it."
	@cargo build --release --example app --example demo
	@cargo run --quiet --release --example demo

serve: ## the same servers to try by hand, until ctrl-c
	@sh .ci/need-redis || echo "Serving without it."
	@cargo build --release --example app --example demo
	@cargo run --quiet --release --example demo -- --serve

test: ## all tests on both stores, then Redis with TLS, Sentinel, Cluster and least privilege
	@sh .ci/need-redis
	@sh .ci/rust-version
	cargo test
	@sh .ci/topologies acl tls sentinel cluster

chaos: ## minutes of killed, stopped and moved servers under load; prints a table
	@sh .ci/need-redis
	@sh .ci/chaos

compat: ## the test program on other servers: make compat SERVERS=folder
	@sh .ci/compat "$(SERVERS)"

lint: ## formatting, clippy with every set of features, documentation
	@bash .ci/lint

bench: ## what an operation costs, against a bare GET
	@sh .ci/need-redis
	cargo bench
