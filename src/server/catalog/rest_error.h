#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "catalog/catalog.h"
#include "io/http_server.h"

/// Errors in the words of the REST catalog protocol: HTTP status and the type clients switch on
/// (rest-catalog-open-api.yaml, "ErrorModel"). Messages are those of the Java reference implementation.
namespace firn::server {

/// Makes an error that Answer() turns into exactly this response.
Status RestError(int http_status, std::string_view type, std::string message);

Status BadRequest(std::string message);
Status NoSuchNamespace(const std::vector<std::string>& ns);
Status NoSuchTable(const catalog::TableIdentifier& identifier);
Status NoSuchView(const catalog::TableIdentifier& identifier);
Status AlreadyExists(std::string message);
Status CommitFailed(std::string message);

/// The HTTP status of an error. One that no RestError made: kConflict 409, kBadData 400, kConfig 400, kOutcomeUnknown
/// 500 (the client must look), kTransient, kThrottled and kCancelled 503, all others 500.
int HttpStatusOf(const Status& status);

/// {"error":{"message","type","code"}}. Internal errors are told without their text, which goes to the log.
io::ServedResponse ErrorAnswer(const Status& status);

/// Namespace levels as messages show them: "a.b".
std::string Dotted(const std::vector<std::string>& ns);

}  // namespace firn::server
