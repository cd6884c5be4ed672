#include "connector/airbyte/parameters.h"

#include <map>
#include <string>

#include "connector/airbyte/component.h"

namespace firn::connector::airbyte {
namespace {

constexpr char kParameters[] = "$parameters";

/// The type of a component by the component and field it stands in; from the published component schema.
const std::map<std::string, std::string, std::less<>>& TypesByPlace() {
  static const std::map<std::string, std::string, std::less<>> types = {
      {"AddFields.fields", "AddedFieldDefinition"},
      {"CompositeErrorHandler.error_handlers", "DefaultErrorHandler"},
      {"ConfigComponentsResolver.components_mapping", "ComponentMappingDefinition"},
      {"ConfigComponentsResolver.stream_config", "StreamConfig"},
      {"CursorPagination.decoder", "JsonDecoder"},
      {"CustomPartitionRouter.parent_stream_configs", "ParentStreamConfig"},
      {"DatetimeBasedCursor.end_datetime", "MinMaxDatetime"},
      {"DatetimeBasedCursor.end_time_option", "RequestOption"},
      {"DatetimeBasedCursor.start_datetime", "MinMaxDatetime"},
      {"DatetimeBasedCursor.start_time_option", "RequestOption"},
      {"DeclarativeSource.check", "CheckStream"},
      {"DeclarativeSource.spec", "Spec"},
      {"DeclarativeSource.streams", "DeclarativeStream"},
      {"DeclarativeStream.retriever", "SimpleRetriever"},
      {"DeclarativeStream.schema_loader", "JsonFileSchemaLoader"},
      {"DefaultErrorHandler.response_filters", "HttpResponseFilter"},
      {"DefaultPaginator.decoder", "JsonDecoder"},
      {"DefaultPaginator.page_size_option", "RequestOption"},
      {"DpathExtractor.decoder", "JsonDecoder"},
      {"DpathExtractor.record_expander", "RecordExpander"},
      {"DynamicDeclarativeStream.components_resolver", "ConfigComponentResolver"},
      {"DynamicDeclarativeStream.stream_template", "DeclarativeStream"},
      {"DynamicSchemaLoader.retriever", "SimpleRetriever"},
      {"HttpComponentsResolver.components_mapping", "ComponentMappingDefinition"},
      {"HttpComponentsResolver.retriever", "SimpleRetriever"},
      {"HttpRequester.error_handler", "DefaultErrorHandler"},
      {"ListPartitionRouter.request_option", "RequestOption"},
      {"ParentStreamConfig.request_option", "RequestOption"},
      {"ParentStreamConfig.stream", "DeclarativeStream"},
      {"RecordSelector.extractor", "DpathExtractor"},
      {"RecordSelector.record_filter", "RecordFilter"},
      {"SchemaTypeIdentifier.types_map", "TypesMap"},
      {"SimpleRetriever.paginator", "NoPagination"},
      {"SimpleRetriever.record_selector", "RecordSelector"},
      {"SimpleRetriever.requester", "HttpRequester"},
      {"SubstreamPartitionRouter.parent_stream_configs", "ParentStreamConfig"},
  };
  return types;
}

/// The same for components that name a class of the connector's own.
const std::map<std::string, std::string, std::less<>>& CustomTypesByPlace() {
  static const std::map<std::string, std::string, std::less<>> types = {
      {"CompositeErrorHandler.backoff_strategies", "CustomBackoffStrategy"},
      {"DeclarativeStream.retriever", "CustomRetriever"},
      {"DeclarativeStream.transformations", "CustomTransformation"},
      {"DefaultErrorHandler.backoff_strategies", "CustomBackoffStrategy"},
      {"DefaultPaginator.pagination_strategy", "CustomPaginationStrategy"},
      {"HttpRequester.authenticator", "CustomAuthenticator"},
      {"HttpRequester.error_handler", "CustomErrorHandler"},
      {"RecordSelector.extractor", "CustomRecordExtractor"},
      {"SimpleRetriever.partition_router", "CustomPartitionRouter"},
  };
  return types;
}

bool IsJsonSchema(const Map& map) {
  const Value* type = FindKey(map, "type");
  if (type == nullptr) return false;
  if (type->is_string()) return type->as_string() == "object";
  if (type->kind() != Value::Kind::kList || type->as_list().size() != 2) return false;
  const List& items = type->as_list();
  return items[0].is_string() && items[0].as_string() == "null" && items[1].is_string() &&
         items[1].as_string() == "object";
}

void AddImpliedType(Map& map, const std::string& place) {
  if (FindKey(map, "type") != nullptr) return;
  const auto& types = FindKey(map, "class_name") != nullptr ? CustomTypesByPlace() : TypesByPlace();
  if (const auto found = types.find(place); found != types.end()) SetKey(map, "type", Value::String(found->second));
}

Value Propagate(const std::string& place, const Value& component, const Map& inherited, bool parents_win);

// A plain object: only those of its fields that are components themselves are gone into.
Value PropagateIntoPlain(const std::string& place, Map map, const Map& parameters, bool parents_win) {
  for (auto& entry : map) {
    if (entry.second.kind() != Value::Kind::kMap) continue;
    const Value* type = entry.second.Find("type");
    if (type != nullptr && expression::Truthy(*type))
      entry.second = Propagate(place, entry.second, parameters, parents_win);
  }
  return MapOf(std::move(map));
}

Value PropagateList(const std::string& place, const List& items, const Map& parameters, bool parents_win) {
  List out;
  out.reserve(items.size());
  for (const Value& item : items) {
    out.push_back(item.kind() == Value::Kind::kMap ? Propagate(place, item, parameters, parents_win) : item);
  }
  return Value::OfList(std::move(out));
}

Value Propagate(const std::string& place, const Value& component, const Map& inherited, bool parents_win) {
  Map map = component.as_map();
  AddImpliedType(map, place);
  Map parameters = inherited;
  if (const Value* own = FindKey(map, kParameters); own != nullptr) {
    if (own->kind() == Value::Kind::kMap) {
      for (const auto& [key, value] : own->as_map()) {
        if (!parents_win || FindKey(inherited, key) == nullptr) SetKey(parameters, key, value);
      }
    }
    EraseKey(map, kParameters);
  }
  if (IsJsonSchema(map)) return MapOf(std::move(map));
  const Value* type = FindKey(map, "type");
  if (type == nullptr) return PropagateIntoPlain(place, std::move(map), parameters, parents_win);
  const std::string type_name = type->is_string() ? type->as_string() : "";
  for (const auto& [key, value] : parameters) {
    const Value* own = FindKey(map, key);
    if (own == nullptr || !expression::Truthy(*own)) SetKey(map, key, value);
  }
  for (auto& [field, value] : map) {
    if (value.kind() != Value::Kind::kMap && value.kind() != Value::Kind::kList) continue;
    Map passed = parameters;
    EraseKey(passed, field);
    const std::string field_place = type_name + "." + field;
    value = value.kind() == Value::Kind::kMap ? Propagate(field_place, value, passed, parents_win)
                                              : PropagateList(field_place, value.as_list(), passed, parents_win);
  }
  if (!parameters.empty()) SetKey(map, kParameters, MapOf(std::move(parameters)));
  return MapOf(std::move(map));
}

}  // namespace

Value PropagateParameters(const Value& manifest, bool parents_win) {
  if (manifest.kind() != Value::Kind::kMap) return manifest;
  return Propagate("", manifest, {}, parents_win);
}

}  // namespace firn::connector::airbyte
