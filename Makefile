# Two commands for a new user: `make demo` and `make test`. `make help` lists the rest.
CARGO ?= cargo

.PHONY: help setup servers cluster demo wheel node install test test-cluster test-cluster-engine lint contract dictionaries docs soak bench bench-quick clean

help:
	@echo "make demo    the main job on made-up files, or on yours: DATASUS_SOURCE=<folder> make demo"
	@echo "             with DATASUS_POSTGRES=postgres://user:password@host:5432/database into a table as well"
	@echo "make wheel   the Python package, in target/wheels (or \$$CARGO_TARGET_DIR/wheels)"
	@echo "make node    the Node packages, in target/npm (or \$$CARGO_TARGET_DIR/npm)"
	@echo "make install PREFIX=<folder>   libdatasus, datasus.h, pkg-config and CMake package (default: /usr/local)"
	@echo "make test    every test"
	@echo "make test-cluster   those on a real Spark cluster of this machine (make test runs them too)"
	@echo "make lint    every linter of every language"
	@echo "make contract   write what Python, Node, Go and docs/contract.md have of the core's types anew"
	@echo "make dictionaries   compile the built-in labels from the tables in ../shared anew"
	@echo "make docs    the API's documentation, in target/doc"
	@echo "make soak    the long forms of the tests"
	@echo "make bench   ours against what you could use instead, under 40 minutes (make bench-quick: under 5)"
	@echo "make setup   fetch the prebuilt libduckdb and tell Cargo where it is"
	@echo "make servers install what the tests' own servers need, if it is missing (Debian)"
	@echo "make clean   remove what was built and the demo's output"

setup:
	@bash setup/libduckdb.sh

servers:
	@bash setup/postgresql.sh
	@bash setup/fiu.sh
	@bash setup/redis.sh
	@bash setup/seaweedfs.sh
	@bash setup/ftp.sh
	@bash setup/servers.sh

# Spark and Sail, for the tests' own cluster.
cluster:
	@bash setup/spark.sh > /dev/null
	@bash setup/spark.sh sail > /dev/null

demo: setup
	$(CARGO) run --package datasus --example demo

test: setup servers cluster
	DATASUS_CLUSTER=1 DATASUS_PROMTOOL="$$(bash setup/promtool.sh)" $(CARGO) test --workspace
	bash tests/faces.sh

# The packages' are among their own tests, Python's with `-k spark`.
test-cluster: test-cluster-engine
	bash bindings-python/test.sh -k spark

test-cluster-engine: setup servers cluster
	DATASUS_CLUSTER=1 DATASUS_CLUSTER_QUERIES=200 $(CARGO) test --workspace --test spark

wheel: setup
	bash bindings-python/wheel.sh

node: setup
	bash bindings-node/build.sh

PREFIX ?= /usr/local
install: setup
	bash bindings-c/install.sh "$(PREFIX)"

lint: setup
	@CARGO="$(CARGO)" bash tests/lint.sh

contract: setup
	DATASUS_BLESS=1 $(CARGO) test --workspace --test contract faces

dictionaries: setup
	DATASUS_BLESS=1 $(CARGO) test --workspace --test dictionaries the_compiled_dictionary

docs: setup
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

soak: setup servers cluster
	DATASUS_SOAK=1 DATASUS_CLUSTER=1 DATASUS_CLUSTER_QUERIES=200 DATASUS_QUERIES=5000 DATASUS_FUZZ_SECONDS=60 DATASUS_KILLS=100 DATASUS_FAULTS=all DATASUS_MILLIONS=10 DATASUS_MUTANTS=2000 DATASUS_SQL=10000 DATASUS_EDGES=40000 DATASUS_UNGATED=100000 $(CARGO) test --workspace -- --include-ignored --nocapture
	bash tests/slowly.sh
	bash setup/spark-connect.sh --check
	DATASUS_SOAK=1 DATASUS_LOAD_SECONDS=60 DATASUS_SCHEMATHESIS=200 bash bindings-python/test.sh
	DATASUS_SOAK=1 bash bindings-node/test.sh

bench: setup servers
	$(CARGO) build --release --package datasus-bench
	python3 benches/run.py

bench-quick: setup servers
	$(CARGO) build --release --package datasus-bench
	python3 benches/run.py --quick

clean:
	$(CARGO) clean
	rm -rf demo-output
