#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"

namespace firn::io {

/// What a postgresql:// address says, by libpq's keywords. Only known ones are let through: a connection string can
/// make libpq read and run things (passfile, service, sslkey …).
struct PostgresTarget {
  std::map<std::string, std::string> parameters;  // holds the password
  int64_t connect_timeout_ms = 15'000;
  std::string shown;    // "postgresql://host:5432/lake", for messages
  std::string setting;  // where it was written
};

/// Reads `uri` (postgresql://user@host:port/database?sslmode=…). `password`: used if the uri has none. Where the uri
/// says no sslmode, other hosts than this machine are spoken to with TLS and a checked certificate (verify-full).
/// Registers the password with the redactor. `setting`: where the address was written, for messages. Errors: kConfig
/// (no such address, a keyword that is not let through).
Result<PostgresTarget> ParsePostgresTarget(const std::string& uri, const std::string& password,
                                           const std::string& setting);

}  // namespace firn::io
