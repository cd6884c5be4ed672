#include "base/status.h"

#include <gtest/gtest.h>

namespace firn {
namespace {

TEST(Status, KeepsFaultAndContextThroughLayers) {
  const Status inner = MakeError(Fault::kThrottled, "429", {.code = "E0501", .next = "firn retry"});
  const Status outer = WithContext(Within("table orders", inner), {.code = "E0000", .where = "firn.yaml:3:1"});
  EXPECT_EQ(FaultOf(outer), Fault::kThrottled);
  EXPECT_EQ(outer.message(), "table orders: 429");
  ASSERT_NE(ContextOf(outer), nullptr);
  EXPECT_EQ(ContextOf(outer)->code, "E0501");
  EXPECT_EQ(ContextOf(outer)->where, "firn.yaml:3:1");
  EXPECT_EQ(ContextOf(outer)->next, "firn retry");
}

TEST(Status, LibraryErrorsGetAKind) {
  EXPECT_EQ(FaultOf(Status::IOError("x")), Fault::kTransient);
  EXPECT_EQ(FaultOf(Status::Cancelled("x")), Fault::kCancelled);
  EXPECT_EQ(FaultOf(Status::Invalid("x")), Fault::kBug);
}

}  // namespace
}  // namespace firn
