#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <optional>
#include <string>
#include <string_view>

namespace firn {

using arrow::Result;
using arrow::Status;

/// Says who must act next on an error. Travels as a detail of a Status; callers switch on it, never on text.
enum class Fault {
  kTransient,       // retry with back-off
  kThrottled,       // retry after the delay the server gave
  kConflict,        // re-read the table, rebuild the commit, try again
  kOutcomeUnknown,  // it may have happened: look before any retry
  kConfig,          // stop, the user must correct the configuration
  kAuth,            // stop, the user must correct credentials or permissions
  kBadData,         // quarantine the record, go on
  kContract,        // a schema contract or quality gate stopped the table
  kUnreachable,     // source or lake did not answer within the retry budget; safe to run again
  kBusy,            // somebody else holds the lock
  kCancelled,       // stopped on request, at a clean point
  kBug,             // stop the run, report
};

/// Returns the lower-case name, for example "transient".
std::string_view FaultName(Fault fault);

/// The five fields every error a person sees must answer (DESIGN.md §5.11), besides the message itself ("what").
/// Empty fields are left out when shown.
struct ErrorContext {
  std::string code;   // stable, for `firn explain`: "E0412"
  std::string where;  // "firn.yaml:28:9" or the configuration path that asked for it
  std::string why;    // evidence: HTTP status, shape of the value; never raw data or secrets
  std::string state;  // what is committed, whether the cursor moved
  std::string next;   // a command to type
};

/// Makes an error of the given kind. `message`: what failed, then the values at the end. No secrets.
Status MakeError(Fault fault, std::string message);
Status MakeError(Fault fault, std::string message, ErrorContext context);

/// Returns the kind of an error. Errors made by libraries without a detail are kBug for Invalid and TypeError,
/// kTransient for IOError, kCancelled for Cancelled, kBug otherwise. `status` must not be ok.
Fault FaultOf(const Status& status);

/// Returns the context given to MakeError, or null. Borrowed from `status`.
const ErrorContext* ContextOf(const Status& status);

/// Returns the same error with `place` put before its message: "table orders, page 3: …". Code and detail survive.
Status Within(std::string_view place, const Status& status);

/// Returns the same error with the empty fields of its context filled from `context`.
Status WithContext(const Status& status, ErrorContext context);

namespace internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}

}  // namespace firn

/// For our own mistakes, never for input: always compiled in, prints the condition and aborts.
#define FIRN_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::firn::internal::CheckFailed(#condition, __FILE__, __LINE__))
