#pragma once

#include <cstdint>
#include <string>

namespace firn::state {

/// When a process started, in clock ticks since boot (proc(5), /proc/<pid>/stat field 22): with the process id it names
/// a process even after ids were used again. 0 if there is none.
int64_t ProcessStart(int64_t process_id);

/// Names the machine, its boot and the space of its process ids: two processes with the same can look each other up.
/// Empty if that cannot be told.
const std::string& ProcessScope();

/// The machine's name, for people.
std::string HostName();

}  // namespace firn::state
