#pragma once

#include "io/http_session.h"
#include "source/source.h"

namespace firn::source {

/// Adds what the requests of one session came to.
void AddCounters(const io::HttpCounters& counters, ReadStats* stats);

}  // namespace firn::source
