#include <set>

#include "server/catalog/endpoints.h"
#include "server/catalog/json.h"
#include "server/catalog/names.h"
#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

Answer NamespaceAnswer(const catalog::Namespace& ns, const catalog::Properties& properties) {
  return JsonAnswer(Dump({{"namespace", ns}, {"properties", properties}}));
}

// The namespaces one level below `parent`, of which some exist only because of what is below them.
std::set<catalog::Namespace> Children(const std::vector<catalog::Namespace>& stored, const catalog::Namespace& parent) {
  std::set<catalog::Namespace> children;
  for (const catalog::Namespace& ns : stored) {
    if (ns.size() <= parent.size() || !std::equal(parent.begin(), parent.end(), ns.begin())) continue;
    children.insert(catalog::Namespace(ns.begin(), ns.begin() + static_cast<ptrdiff_t>(parent.size()) + 1));
  }
  return children;
}

}  // namespace

Answer ListNamespaces(Backend& backend, const Call& call) {
  catalog::Namespace parent;
  const auto asked = call.request.Query("parent");
  if (asked && !asked->empty()) {
    ARROW_ASSIGN_OR_RAISE(parent, NamespaceOfText(*asked));
    ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, parent));
  }
  ARROW_ASSIGN_OR_RAISE(const auto all, backend.catalog.ListNamespaces());
  std::vector<ListItem> items;
  for (const auto& stored : Children(all, Stored(parent))) {
    const catalog::Namespace shown = Shown(stored);
    items.push_back({.key = shown.back(), .json = Dump(Json(shown))});
  }
  return PageAnswer(call, "namespaces", std::move(items));
}

Answer CreateNamespace(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const Json* json, Required(body, "namespace"));
  ARROW_ASSIGN_OR_RAISE(const auto ns, NamespaceOfJson(*json, "namespace"));
  ARROW_ASSIGN_OR_RAISE(const auto properties, TextMap(body, "properties"));
  ARROW_RETURN_NOT_OK(backend.locations.CheckProperties(properties));
  const Status created = backend.administration.CreateNamespace(Stored(ns), properties);
  if (!created.ok() && FaultOf(created) == Fault::kConflict) {
    return AlreadyExists("Namespace already exists: " + Dotted(ns));
  }
  ARROW_RETURN_NOT_OK(created);
  return NamespaceAnswer(ns, properties);
}

Answer LoadNamespace(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const auto found, backend.administration.LoadNamespace(Stored(call.ns)));
  if (!found) return NoSuchNamespace(call.ns);
  return NamespaceAnswer(call.ns, *found);
}

Answer NamespaceExists(Backend& backend, const Call& call) {
  ARROW_RETURN_NOT_OK(CheckNamespaceExists(backend, call.ns));
  return NoContent();
}

Answer DropNamespace(Backend& backend, const Call& call) {
  const auto dropped = backend.administration.DropNamespace(Stored(call.ns));
  if (!dropped.ok() && FaultOf(dropped.status()) == Fault::kConflict) {
    return RestError(409, "NamespaceNotEmptyException", "Namespace " + Dotted(call.ns) + " is not empty.");
  }
  ARROW_RETURN_NOT_OK(dropped.status());
  if (!*dropped) return NoSuchNamespace(call.ns);
  return NoContent();
}

Answer UpdateNamespace(Backend& backend, const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const Json body, ParseObject(call.request.body));
  ARROW_ASSIGN_OR_RAISE(const auto updates, TextMap(body, "updates"));
  ARROW_ASSIGN_OR_RAISE(const auto removals, TextList(body, "removals"));
  ARROW_RETURN_NOT_OK(backend.locations.CheckProperties(updates));
  Json updated = Json::array();
  for (const auto& [key, value] : updates) updated.push_back(key);
  for (const std::string& key : removals) {
    if (!updates.contains(key)) continue;
    return RestError(422, "UnprocessableEntityException", "Invalid namespace update, key to set and remove: " + key);
  }
  ARROW_ASSIGN_OR_RAISE(const auto before, backend.administration.LoadNamespace(Stored(call.ns)));
  if (!before) return NoSuchNamespace(call.ns);
  ARROW_ASSIGN_OR_RAISE(const bool done, backend.administration.UpdateNamespace(Stored(call.ns), updates, removals));
  if (!done) return NoSuchNamespace(call.ns);
  Json removed = Json::array();
  Json missing = Json::array();
  for (const std::string& key : removals) (before->contains(key) ? removed : missing).push_back(key);
  return JsonAnswer(Dump({{"updated", updated}, {"removed", removed}, {"missing", missing}}));
}

}  // namespace firn::server
