# `make help` lists the targets.

.PHONY: help demo serve app test browser-test chaos compat lint bench load-test scale instructions bench-peers

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

BUILD_DEMO = test -x target/debug/demo || echo "Building the app server and the demo. This happens once: 1 to 2 minutes on 2 cores."; \
	cargo build -p app -p demo

demo: ## three app servers on a private Redis: shows and checks a visitor's story, then stops everything
	@sh .ci/need-redis || echo "The demo runs without Redis, on the embedded store."
	@$(BUILD_DEMO)
	@cargo run --quiet -p demo

serve: ## runs the same servers to try by hand, until ctrl-c
	@sh .ci/need-redis || echo "The servers run without Redis, on the embedded store."
	@$(BUILD_DEMO)
	@cargo run --quiet -p demo -- --serve

app: ## builds the app server of the demo, optimized, and prints its path
	@cargo build --release -p app
	@echo target/release/app

test: ## all tests on both stores, then Redis with TLS, Sentinel, Cluster and least privilege
	@sh .ci/need-redis
	@sh .ci/rust-version
	cargo test
	@sh .ci/topologies acl tls sentinel cluster

chaos: ## kills, stops and moves servers under load for minutes; prints a table
	@sh .ci/need-redis
	@sh .ci/chaos

compat: ## runs the test program on other servers: make compat SERVERS=folder
	@sh .ci/compat "$(SERVERS)"

browser-test: ## the demo's page in headless Chromium, over two app servers; screenshots in target/browser
	@sh .ci/need-redis
	@sh .ci/need-chromium
	@rm -rf target/browser # screenshots, and profiles left by a failed run
	cargo build -p app
	cargo test --manifest-path tests/browser/Cargo.toml --target-dir target/browser-test -- --test-threads 2

lint: ## formatting, clippy with every set of features, documentation
	@bash .ci/lint

bench: ## the cost of each operation, against a bare GET
	@sh .ci/need-redis
	cargo bench

load-test: ## app servers under a steady load, percentiles; ARGS='--help' lists the settings
	@sh .ci/need-redis
	cargo bench --bench load_test -- $(ARGS)

scale: ## speed and memory with ever more sessions stored; MOST=1000000 takes some minutes
	@sh .ci/need-redis
	cargo bench --bench scale -- --most $(or $(MOST),100000) --rounds 5 --seconds 1

instructions: ## instructions of the client's side of each operation
	@sh .ci/need-redis
	@command -v valgrind >/dev/null || { echo "valgrind is missing (Debian, Ubuntu: apt-get install valgrind)"; exit 1; }
	cargo bench --bench instructions

bench-peers: ## compares with tower-sessions, actix-session, axum_session and (Redis 7.4) ruts; table, JSON and plot
	@sh .ci/need-redis
	cd benches/peers && cargo run --release
