#pragma once

namespace firn::cli {

/// Runs one command line and returns its exit code (DESIGN.md §7). Owns process-wide start and stop: signals, curl,
/// log.
int Main(int argc, char** argv);

}  // namespace firn::cli
