#pragma once

#include <cstdint>
#include <string>

#include "io/sql_rows.h"

namespace firn::io {

/// What a mysql:// address says.
struct MariaDbTarget {
  std::string host;
  uint16_t port = 3306;
  std::string user;
  std::string password;
  std::string database;
  enum class Tls { kWhereOffered, kRequired, kChecked } tls = Tls::kChecked;
  std::string shown;  // "mysql://host:3306/crm", for messages
};

/// Reads `uri` (mysql://user@host:3306/database?ssl-mode=…). `password`: used if the uri has none. `ssl-mode` is
/// PREFERRED, REQUIRED or VERIFY_IDENTITY (MySQL manual, "Connecting Using URI-Like Strings"); where it is not said,
/// other hosts than this machine are spoken to with TLS and a checked certificate. Registers the password with the
/// redactor. `setting`: where the address was written, for messages. Errors: kConfig.
Result<MariaDbTarget> ParseMariaDbTarget(const std::string& uri, const std::string& password,
                                         const std::string& setting);

/// Asks a MySQL or MariaDB server one `query` in a transaction that only reads, and hands its rows to `take` as they
/// come. Errors: kConfig (no such database, a query that fails), kAuth, kUnreachable; those of `take`.
Status ReadMariaDbRows(const MariaDbTarget& target, const std::string& query, const SqlLimits& limits,
                       const TakeSqlRow& take);

}  // namespace firn::io
