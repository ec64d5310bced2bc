"""A llama-server as a program: takes the arguments that TextGen gives, and runs the server of the package xllamacpp."""

from __future__ import annotations

import argparse
import sys
import time

import xllamacpp  # type: ignore[import-not-found, unused-ignore]


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--ctx-size", type=int, default=1024)
    parser.add_argument("--lora", action="append", default=[])
    parser.add_argument("--lora-scaled", action="append", default=[])
    parser.add_argument("--mmproj")
    parser.add_argument("--model-draft")
    parser.add_argument("--spec-type")
    arguments, _ = parser.parse_known_args()
    params = xllamacpp.CommonParams()
    params.model.path, params.port, params.hostnames = arguments.model, arguments.port, ["127.0.0.1"]
    params.n_parallel, params.n_ctx = arguments.parallel, arguments.ctx_size * arguments.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib, params.ui, params.verbosity = 0, False, 1
    files = [(file, 1.0) for given in arguments.lora for file in given.split(",")]
    for given in arguments.lora_scaled:
        for file in given.split(","):
            path, scale = file.split(":")  # as llama.cpp does
            files.append((path, float(scale)))
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(file, scale) for file, scale in files]
    if arguments.mmproj:
        params.mmproj.path, params.mmproj_use_gpu = arguments.mmproj, False
    kinds = xllamacpp.common_speculative_type
    if arguments.model_draft:
        params.speculative.draft.mparams.path = arguments.model_draft
        params.speculative.types = [kinds.COMMON_SPECULATIVE_TYPE_DRAFT_SIMPLE]
    if arguments.spec_type:
        name = arguments.spec_type.upper().replace("-", "_")
        params.speculative.types = [getattr(kinds, f"COMMON_SPECULATIVE_TYPE_{name}")]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while sys.stdin.buffer.read(1) or server is None:  # until whoever started it is gone
        time.sleep(1)


if __name__ == "__main__":
    main()
