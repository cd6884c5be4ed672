#include "server/catalog/rest_error.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"

namespace firn::server {
namespace {

constexpr char kDetailTypeId[] = "firn::server::RestDetail";

class RestDetail : public arrow::StatusDetail {
 public:
  RestDetail(int code, std::string name) : http_status(code), type(std::move(name)) {}
  const char* type_id() const override { return kDetailTypeId; }
  std::string ToString() const override { return type; }
  const int http_status;
  const std::string type;
};

const RestDetail* DetailOf(const Status& status) {
  const auto& detail = status.detail();
  if (detail == nullptr || detail->type_id() != kDetailTypeId) return nullptr;
  return static_cast<const RestDetail*>(detail.get());
}

std::string TypeOf(int http_status) {
  switch (http_status) {
    case 400:
      return "BadRequestException";
    case 409:
      return "CommitFailedException";
    case 503:
      return "ServiceUnavailableException";
    default:
      return "InternalServerError";
  }
}

}  // namespace

Status RestError(int http_status, std::string_view type, std::string message) {
  return Status(arrow::StatusCode::Invalid, std::move(message),
                std::make_shared<RestDetail>(http_status, std::string(type)));
}

Status BadRequest(std::string message) {
  return RestError(400, "BadRequestException", std::move(message));
}
Status NoSuchNamespace(const std::vector<std::string>& ns) {
  return RestError(404, "NoSuchNamespaceException", "Namespace does not exist: " + Dotted(ns));
}
Status NoSuchTable(const catalog::TableIdentifier& identifier) {
  return RestError(404, "NoSuchTableException", "Table does not exist: " + identifier.ToString());
}
Status NoSuchView(const catalog::TableIdentifier& identifier) {
  return RestError(404, "NoSuchViewException", "View does not exist: " + identifier.ToString());
}
Status AlreadyExists(std::string message) {
  return RestError(409, "AlreadyExistsException", std::move(message));
}
Status CommitFailed(std::string message) {
  return RestError(409, "CommitFailedException", std::move(message));
}

int HttpStatusOf(const Status& status) {
  if (const auto* detail = DetailOf(status)) return detail->http_status;
  switch (FaultOf(status)) {
    case Fault::kConflict:
      return 409;
    case Fault::kBadData:
    case Fault::kConfig:
      return 400;
    case Fault::kTransient:
    case Fault::kThrottled:
    case Fault::kCancelled:
      return 503;
    default:
      return 500;
  }
}

io::ServedResponse ErrorAnswer(const Status& status) {
  const auto* detail = DetailOf(status);
  const int http_status = HttpStatusOf(status);
  std::string type = detail != nullptr ? detail->type : TypeOf(http_status);
  std::string message = status.message();
  if (http_status >= 500 && detail == nullptr) {
    log::Error("catalog request failed", {{"status", http_status}, {"reason", status.message()}});
    if (FaultOf(status) == Fault::kOutcomeUnknown) {
      type = "CommitStateUnknownException";
      message = "the outcome of the commit is not known yet: load the table before trying again";
    } else {
      message = http_status == 503 ? "the catalog cannot answer now" : "internal error of the catalog";
    }
  }
  const nlohmann::json body = {{"error", {{"message", message}, {"type", type}, {"code", http_status}}}};
  io::ServedResponse answer{.status = http_status,
                            .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                            .headers = {{"Content-Type", "application/json"}}};
  if (http_status == 503) answer.headers.Add("Retry-After", "1");
  return answer;
}

std::string Dotted(const std::vector<std::string>& ns) {
  std::string text;
  for (const std::string& level : ns) text += (text.empty() ? "" : ".") + level;
  return text;
}

}  // namespace firn::server
