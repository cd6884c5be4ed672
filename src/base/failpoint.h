#pragma once

#include <string_view>

#include "base/status.h"

/// Named places where a test can kill the process or make a call fail. Compiled into test builds only
/// (FIRN_FAILPOINTS); elsewhere the macro is an ok Status and costs nothing.
///
/// The environment variable FIRN_FAILPOINTS lists what to do: `name=action[@n][;…]`, with n (default 1) the hit that
/// triggers it and action one of
///   kill     SIGKILL to the own process, as a power switch would
///   error    return an error of kind kTransient, at hit n only
///   errors   the same, from hit n on
///   unknown  return an error of kind kOutcomeUnknown, at hit n only
///   stop     SIGSTOP to the own process (a zombie writer)
/// `*=count` counts every hit and prints "failpoint <name> <hits>" lines to the file named by FIRN_FAILPOINTS_LOG at
/// exit of the process.
namespace firn::failpoint {

#ifdef FIRN_FAILPOINTS_ENABLED
Status Hit(std::string_view name);
/// True if the named deliberate mistake is switched on by FIRN_SEEDED_BUG. The proof that the tests can fail.
bool SeededBug(std::string_view name);
#else
inline Status Hit(std::string_view) {
  return Status::OK();
}
constexpr bool SeededBug(std::string_view) {
  return false;
}
#endif

}  // namespace firn::failpoint

/// Returns from the calling function when the failpoint says "error". For functions that return Status or Result.
#ifdef FIRN_FAILPOINTS_ENABLED
#define FIRN_FAILPOINT(name) ARROW_RETURN_NOT_OK(::firn::failpoint::Hit(name))
#else
#define FIRN_FAILPOINT(name) static_cast<void>(0)
#endif
