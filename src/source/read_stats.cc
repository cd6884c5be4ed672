#include "source/read_stats.h"

namespace firn::source {

void AddCounters(const io::HttpCounters& counters, ReadStats* stats) {
  stats->num_requests += counters.num_requests;
  stats->num_throttled += counters.num_throttled;
  stats->num_retries += counters.num_retries;
  stats->waited_ms += counters.waited_ms;
  stats->body_bytes += counters.body_bytes;
}

}  // namespace firn::source
