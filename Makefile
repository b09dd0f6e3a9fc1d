# What can be done here: `make help`.

.PHONY: help demo serve test lint bench load-test scale instructions bench-peers

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## three app servers share a private Redis; checks what it shows, leaves nothing running
	@sh .ci/need-redis || echo "The demo goes on without it."
	@cargo build --release --example app --example demo
	@cargo run --quiet --release --example demo

serve: ## the same servers to try by hand, until ctrl-c
	@sh .ci/need-redis || echo "Serving without it."
	@cargo build --release --example app --example demo
	@cargo run --quiet --release --example demo -- --serve

test: ## all tests, on both stores
	@sh .ci/need-redis
	@sh .ci/rust-version
	cargo test

lint: ## formatting, clippy with every set of features, documentation
	@bash .ci/lint

bench: ## what each operation costs, against a bare GET
	@sh .ci/need-redis
	cargo bench

load-test: ## app servers under a steady load, percentiles; ARGS='--help' lists what can be set
	@sh .ci/need-redis
	cargo bench --bench load_test -- $(ARGS)

scale: ## speed and memory with ever more sessions stored; MOST=1000000 takes some minutes
	@sh .ci/need-redis
	cargo bench --bench scale -- --most $(or $(MOST),100000) --rounds 5 --seconds 1

instructions: ## the client's side of each operation, counted
	@sh .ci/need-redis
	@command -v valgrind >/dev/null || { echo "valgrind is missing (Debian, Ubuntu: apt-get install valgrind)"; exit 1; }
	cargo bench --bench instructions

bench-peers: ## the same on tower-sessions and actix-session, stores and whole apps; table, JSON and plot
	@sh .ci/need-redis
	cd benches/peers && cargo run --release
