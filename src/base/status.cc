#include "base/status.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace firn {
namespace {

constexpr char kDetailTypeId[] = "firn::FaultDetail";

class FaultDetail : public arrow::StatusDetail {
 public:
  FaultDetail(Fault fault, ErrorContext context) : fault_(fault), context_(std::move(context)) {}
  const char* type_id() const override { return kDetailTypeId; }
  std::string ToString() const override { return std::string(FaultName(fault_)); }
  Fault fault() const { return fault_; }
  const ErrorContext& context() const { return context_; }

 private:
  const Fault fault_;
  const ErrorContext context_;
};

arrow::StatusCode CodeOf(Fault fault) {
  switch (fault) {
    case Fault::kTransient:
    case Fault::kThrottled:
    case Fault::kOutcomeUnknown:
    case Fault::kUnreachable:
      return arrow::StatusCode::IOError;
    case Fault::kCancelled:
      return arrow::StatusCode::Cancelled;
    case Fault::kConfig:
    case Fault::kBadData:
    case Fault::kContract:
      return arrow::StatusCode::Invalid;
    case Fault::kConflict:
    case Fault::kAuth:
    case Fault::kBusy:
    case Fault::kBug:
      return arrow::StatusCode::UnknownError;
  }
  return arrow::StatusCode::UnknownError;
}

const FaultDetail* DetailOf(const Status& status) {
  const auto& detail = status.detail();
  if (detail == nullptr || std::string_view(detail->type_id()) != kDetailTypeId) return nullptr;
  return static_cast<const FaultDetail*>(detail.get());
}

}  // namespace

std::string_view FaultName(Fault fault) {
  switch (fault) {
    case Fault::kTransient:
      return "transient";
    case Fault::kThrottled:
      return "throttled";
    case Fault::kConflict:
      return "conflict";
    case Fault::kOutcomeUnknown:
      return "outcome unknown";
    case Fault::kConfig:
      return "configuration";
    case Fault::kAuth:
      return "credentials";
    case Fault::kBadData:
      return "bad data";
    case Fault::kContract:
      return "contract";
    case Fault::kUnreachable:
      return "unreachable";
    case Fault::kBusy:
      return "busy";
    case Fault::kCancelled:
      return "cancelled";
    case Fault::kBug:
      return "internal";
  }
  return "internal";
}

Status MakeError(Fault fault, std::string message) {
  return MakeError(fault, std::move(message), {});
}

Status MakeError(Fault fault, std::string message, ErrorContext context) {
  return Status(CodeOf(fault), std::move(message), std::make_shared<FaultDetail>(fault, std::move(context)));
}

Fault FaultOf(const Status& status) {
  FIRN_CHECK(!status.ok());
  if (const auto* detail = DetailOf(status)) return detail->fault();
  if (status.IsIOError()) return Fault::kTransient;
  if (status.IsCancelled()) return Fault::kCancelled;
  if (status.IsOutOfMemory()) return Fault::kConfig;  // over the memory budget: the user must raise it
  return Fault::kBug;
}

const ErrorContext* ContextOf(const Status& status) {
  const auto* detail = DetailOf(status);
  return detail == nullptr ? nullptr : &detail->context();
}

Status Within(std::string_view place, const Status& status) {
  if (status.ok()) return status;
  return Status(status.code(), std::string(place) + ": " + status.message(), status.detail());
}

Status WithContext(const Status& status, ErrorContext context) {
  if (status.ok()) return status;
  if (const auto* known = ContextOf(status)) {
    const auto keep = [](const std::string& old, std::string& fresh) {
      if (!old.empty()) fresh = old;
    };
    keep(known->code, context.code);
    keep(known->where, context.where);
    keep(known->why, context.why);
    keep(known->state, context.state);
    keep(known->next, context.next);
  }
  return Status(status.code(), status.message(), std::make_shared<FaultDetail>(FaultOf(status), std::move(context)));
}

namespace internal {
void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "firn: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}
}  // namespace internal

}  // namespace firn
