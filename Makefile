# A short front to Meson; everything else stands in meson.build and tools/.
BUILD ?= build

.PHONY: all static demo test lint format bench soak failover chaos memory fuzz install controlplane clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/install-packages.sh build
	meson setup $(BUILD)

# A program without libraries, in build-static.
static:
	tools/static.sh build-static

# Operator and embedded API in one process, example pools and Services, a real kubectl.
demo:
	tools/install-packages.sh demo
	$(MAKE) $(BUILD)/build.ninja
	ninja -C $(BUILD) berth
	tools/demo.sh $(BUILD)/berth

test:
	tools/install-packages.sh test
	tools/run-tests.sh

lint:
	tools/install-packages.sh test
	tools/run-tests.sh format shell clang tidy

format:
	git ls-files '*.[ch]' | xargs clang-format-19 -i

# 5,000 nodes and 2,000 Services come and go on a real kube-apiserver while operators are killed: minutes.
soak: all
	BERTH_SOAK=1 BERTH_BIN=$(BUILD)/berth BERTH_E2E_BACKENDS=apiserver /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/e2e/test_cluster_pool_soak.py

# With the static program beside it where "make static" made one.
bench: all
	tools/bench.sh $(BUILD) --json $(BUILD)/bench.json --append docs/benchmarks.md --plot docs/benchmarks.svg

# Kills the leader of three replicas a hundred times; prints how long takeovers took.
failover: all
	/usr/bin/python3 tests/e2e/failover.py

# Seeded faults under a churning workload: SEED=7 FAULTS=10000 BACKEND=embedded or apiserver.
SEED ?= 1
BACKEND ?= embedded
FAULTS ?= $(if $(filter apiserver,$(BACKEND)),500,10000)
chaos: all
	BERTH_BIN=$(abspath $(BUILD)/berth) python3 tests/e2e/chaos_run.py $(BACKEND) $(SEED) $(FAULTS)

# Services made and deleted again, and what the operator's memory does meanwhile.
memory: all
	BERTH_BIN=$(abspath $(BUILD)/berth) python3 tests/e2e/memory_run.py $(or $(SERVICES),100000)

# One folder of libFuzzer targets; FUZZ_SECONDS each.
fuzz:
	tools/install-packages.sh test
	tools/fuzz.sh

install: all
	meson install -C $(BUILD)

# kube-apiserver, etcd and kubectl for the tests; the last line is the folder that holds them.
controlplane:
	@tests/controlplane/build.sh

clean:
	rm -rf $(BUILD) build-*
