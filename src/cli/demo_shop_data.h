#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The invented rows of the demo shop, as JSON text. Pure functions.
namespace firn::cli::demo {

struct Row {
  std::string sort_key;  // "<updated_at>/<id padded>": order of the listing, and its cursor
  std::string changed;   // RFC 3339 time that `since` compares with
  std::string json;
};

/// Sorted by sort_key. Generation 2 has 15 orders more, 31 changed ones, and the field "coupon" on those.
std::vector<Row> Orders(int generation);
std::vector<Row> Customers(int generation);
/// Sorted by id; generation 2 has 6 more.
std::vector<Row> Refunds(int generation);
std::vector<Row> Stores();
std::vector<Row> Staff(int64_t store_id);

}  // namespace firn::cli::demo
