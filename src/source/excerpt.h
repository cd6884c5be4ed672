#pragma once

#include <cstdint>

namespace firn::source {

/// How much of each table is read where a few rows stand for all: what comes after it counts as not being there.
struct Excerpt {
  int64_t pages_max = INT64_MAX;   // of each chain of requests
  int64_t chains_max = INT64_MAX;  // of each split: windows, slices, parent rows
};

}  // namespace firn::source
