#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"

namespace firn::catalog::postgres {

/// What a postgresql:// address says, by libpq's keywords. Only known ones are let through: a connection string can
/// make libpq read and run things (passfile, service, sslkey …).
struct ConnectionTarget {
  std::map<std::string, std::string> parameters;  // holds the password
  int64_t connect_timeout_ms = 15'000;
  std::string shown;  // "postgresql://host:5432/lake", for messages
};

/// Reads `uri` (postgresql://user@host:port/database?sslmode=…). `password`: used if the uri has none. Where the uri
/// says no sslmode, other hosts than this machine are spoken to with TLS and a checked certificate (verify-full).
/// Registers the password with the redactor. Errors: kConfig (no such address, a keyword that is not let through).
Result<ConnectionTarget> ParseTarget(const std::string& uri, const std::string& password);

}  // namespace firn::catalog::postgres
