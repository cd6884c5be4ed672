#include "state/run_record.h"

namespace firn::state {

std::string_view Name(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return "running";
    case RunState::kCompleted:
      return "completed";
    case RunState::kPartiallyFailed:
      return "partially failed";
    case RunState::kFailed:
      return "failed";
    case RunState::kCancelled:
      return "cancelled";
    case RunState::kInterrupted:
      return "interrupted";
  }
  return "unknown";
}

std::string_view Name(TableState state) {
  switch (state) {
    case TableState::kRunning:
      return "running";
    case TableState::kCompleted:
      return "completed";
    case TableState::kFailed:
      return "failed";
    case TableState::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace firn::state
