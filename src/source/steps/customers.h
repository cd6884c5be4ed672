#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/steps_config.h"
#include "expression/javascript/value.h"

namespace firn::source::steps {

/// One of those whom a workflow is run for.
struct Customer {
  std::string key;
  expression::javascript::Value columns;  // an object of texts; empty cells are left out
};

inline constexpr int64_t kCustomersBytesMax = int64_t{64} << 20;  // of a file
inline constexpr int64_t kCustomersMax = 100'000;

/// Reads the list that a source names, in its order. Does I/O. Errors: E0539 (kConfig, kAuth, kUnreachable,
/// kTransient).
Result<std::vector<Customer>> ReadCustomers(const config::StepsSourceConfig& source);

}  // namespace firn::source::steps
