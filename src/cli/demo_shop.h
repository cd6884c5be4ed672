#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace firn::cli {

/// The shop API of `firn demo`: paged, rate-limited, flaky, with nested rows, personal data (invented), late updates
/// and a schema change in its second generation. Listens on 127.0.0.1 alone. Rows are a pure function of the
/// generation, so whoever asks again gets the same. Thread-safe.
///
///   GET /v1/orders?since=&cursor=&limit=     {"data":[…],"meta":{"next":"…"|null}}   by updated_at, id
///   GET /v1/customers?page=&per_page=        {"items":[…],"page":n,"pages":m}
///   GET /v1/refunds?since=&offset=&limit=    {"refunds":[…],"total":n}
///   GET /v1/stores                           [{…}]
///   GET /v1/stores/{id}/staff                {"staff":[…]}
///
/// All need `Authorization: Bearer demo-token`. Every 41st request is answered with 429 and Retry-After, every 59th
/// with 500, every 83rd is cut off without an answer.
class DemoShop {
 public:
  struct Options {
    uint16_t port = 0;   // 0: any free one
    int generation = 1;  // 2 adds orders, changes some, and gives orders the field "coupon"
    bool flaky = true;
  };
  static constexpr int64_t kOrders = 12'480, kCustomers = 2'100, kRefunds = 311, kStores = 20;

  /// Errors: kConfig if the port is taken.
  static Result<std::unique_ptr<DemoShop>> Start(Options options);
  virtual ~DemoShop() = default;
  /// "http://127.0.0.1:PORT"
  virtual std::string url() const = 0;
  virtual void SetGeneration(int generation) = 0;
  virtual int64_t num_requests() const = 0;
  /// Rows the API has now: for the check at the end of the demo.
  virtual int64_t num_orders() const = 0;
};

}  // namespace firn::cli
