#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// `source: {type: process}`. Plain data.
namespace firn::config {

enum class ProcessProtocol { kNdjson, kSinger, kAirbyte };

struct ProcessSourceConfig {
  std::vector<std::string> command;  // program and arguments; no shell
  ProcessProtocol protocol = ProcessProtocol::kNdjson;
  std::string config_json = "{}";                                // secret: what the program is configured with
  std::vector<std::pair<std::string, std::string>> environment;  // values may be secrets
  std::string folder;                                            // absolute; where it runs
  int64_t idle_ms = 300'000;                                     // without output
  int64_t total_ms = 3'600'000;                                  // from start to end
  int64_t line_bytes_max = int64_t{64} << 20;
};

}  // namespace firn::config
