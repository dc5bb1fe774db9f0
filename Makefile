# Two commands for a new user: `make demo` and `make test`. `make help` lists the rest.
CARGO ?= cargo

.PHONY: help setup demo test lint docs soak clean

help:
	@echo "make demo    the main job on made-up files, or on yours: DATASUS_SOURCE=<folder> make demo"
	@echo "make test    every test"
	@echo "make lint    format and lints"
	@echo "make docs    the API's documentation, in target/doc"
	@echo "make soak    the long forms of the tests"
	@echo "make setup   fetch the prebuilt libduckdb and tell Cargo where it is"
	@echo "make clean   remove what was built and the demo's output"

setup:
	@bash setup/libduckdb.sh

demo: setup
	$(CARGO) run --package datasus --example demo

test: setup
	$(CARGO) test --workspace

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

docs: setup
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

soak: setup
	DATASUS_FUZZ_SECONDS=60 $(CARGO) test --workspace -- --include-ignored --nocapture

clean:
	$(CARGO) clean
	rm -rf demo-output
