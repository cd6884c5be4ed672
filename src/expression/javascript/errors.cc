#include "expression/javascript/errors.h"

namespace firn::expression::javascript {
namespace {

Status Fail(Fault fault, const char* code, Range range, std::string message) {
  return MakeError(fault, std::move(message),
                   {.code = code, .where = "bytes " + std::to_string(range.begin) + "-" + std::to_string(range.end)});
}

}  // namespace

Status SyntaxError(Range range, std::string message) {
  return Fail(Fault::kConfig, "E0620", range, std::move(message));
}
Status Refused(Range range, std::string message) {
  return Fail(Fault::kConfig, "E0621", range, std::move(message));
}
Status UnknownName(Range range, std::string message) {
  return Fail(Fault::kConfig, "E0622", range, std::move(message));
}
Status Thrown(Range range, std::string message) {
  return Fail(Fault::kBadData, "E0623", range, std::move(message));
}
Status LimitReached(Range range, std::string message) {
  return Fail(Fault::kBadData, "E0624", range, std::move(message));
}
Status ExactNumber(Range range, std::string message) {
  return Fail(Fault::kBadData, "E0625", range, std::move(message));
}

}  // namespace firn::expression::javascript
