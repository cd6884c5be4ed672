#include "connector/foreign/airbyte_stream.h"

#include <algorithm>

namespace firn::connector::foreign {
namespace {

using airbyte::ManifestError;

Result<Value> KeyOf(const Component& stream) {
  const Value* key = stream.Find("primary_key");
  if (key == nullptr) return Value::Null();
  List fields;
  const List items = key->kind() == Value::Kind::kList ? key->as_list() : List{*key};
  for (const Value& item : items) {
    std::vector<std::string> steps;
    for (const Value& step : item.kind() == Value::Kind::kList ? item.as_list() : List{item}) {
      steps.push_back(expression::ToText(step));
    }
    if (steps == std::vector<std::string>{""}) continue;
    auto path = DottedPath(steps);
    if (!path.ok()) return At(stream, Within("primary_key", path.status()));
    fields.push_back(Value::String(Literal(*path)));
  }
  if (fields.empty()) return Value::Null();
  return fields.size() == 1 ? fields[0] : Value::OfList(std::move(fields));
}

// Path of the records; a field name with a dot has no native path.
Result<std::string> RecordsOf(const Component& selector) {
  ARROW_RETURN_NOT_OK(RefuseOthers(
      selector, {"type", "extractor", "record_filter", "schema_normalization", "transform_before_filtering"}));
  if (selector.Has("record_filter"))
    return ManifestError(selector.Child("record_filter"), "record_filter: rows are not filtered");
  if (selector.Text("schema_normalization", "None") != "None") {
    return ManifestError(selector, "schema_normalization: values keep the type that they come with");
  }
  const Component extractor = selector.Child("extractor");
  if (extractor.type() != "DpathExtractor") return ManifestError(extractor, "an extractor of type " + extractor.type());
  ARROW_RETURN_NOT_OK(RefuseOthers(extractor, {"type", "field_path"}));
  std::string records;
  const Value* path = extractor.Find("field_path");
  for (const Value& step : path != nullptr && path->kind() == Value::Kind::kList ? path->as_list() : List()) {
    const std::string text = expression::ToText(step);
    if (text.empty() || text.find_first_of(".{?[") != std::string::npos || text.find("**") != std::string::npos) {
      return ManifestError(extractor, "field_path: `" + text + "`");
    }
    records += (records.empty() ? "" : ".") + Literal(text);
  }
  return records.empty() ? "." : records;
}

// The query parameter whose whole value is the next page's token.
std::string TokenParam(const Component& requester) {
  const Component params = requester.Child("request_parameters");
  if (!params.present()) return "";
  for (const auto& [name, value] : params.value().as_map()) {
    const auto text = value.is_string() ? JinjaText::Parse(value.as_string()) : Status::Invalid("");
    const auto path = text.ok() ? text->Path() : std::nullopt;
    if (path && path->root == "next_page_token") return name;
  }
  return "";
}

Status ReadRetriever(const Component& retriever, StreamDraft* draft) {
  if (retriever.type() != "SimpleRetriever") return ManifestError(retriever, "a retriever of type " + retriever.type());
  ARROW_RETURN_NOT_OK(RefuseOthers(
      retriever, {"type", "requester", "record_selector", "paginator", "partition_router", "decoder", "primary_key"}));
  const Component decoder = retriever.Child("decoder");
  if (decoder.present() && decoder.type() != "JsonDecoder")
    return ManifestError(decoder, "a decoder of type " + decoder.type());
  ARROW_ASSIGN_OR_RAISE(const std::string records, RecordsOf(retriever.Child("record_selector")));
  Put(&draft->table, "records", records);
  draft->token_param = TokenParam(retriever.Child("requester"));
  const auto routers = retriever.Children("partition_router");
  if (routers.size() > 1) return ManifestError(retriever, "several partition routers");
  return routers.empty() ? Status::OK() : ReadPartitionRouter(routers[0], draft);
}

Status ReadRequest(const Component& retriever, StreamDraft* draft) {
  ARROW_RETURN_NOT_OK(ReadPaginator(retriever.Child("paginator"), draft));
  ARROW_RETURN_NOT_OK(ReadRequester(retriever.Child("requester"), draft));
  if (!draft->params.empty()) Put(&draft->table, "params", Value::OfMap(draft->params));
  if (!draft->headers.empty()) Put(&draft->table, "headers", Value::OfMap(draft->headers));
  if (!draft->body.empty()) Put(&draft->table, "body", Value::OfMap(draft->body));
  return Status::OK();
}

// A cursor whose bounds no request carries leaves out no rows: the stream is read whole each time. So is one without a
// key by `type: airbyte`, which replaces its table; an incremental table cannot be replaced.
Status Settle(const Component& stream, bool has_key, StreamDraft* draft) {
  if (!draft->has_cursor) return Status::OK();
  if (!draft->bounds_are_sent) {
    airbyte::EraseKey(draft->table, "incremental");
    return Status::OK();
  }
  if (!has_key) return ManifestError(stream, "incremental_sync of a stream without a key");
  if (draft->parent) {
    return ManifestError(stream.Child("incremental_sync"),
                         "incremental_sync of children: each parent would have a position");
  }
  return Status::OK();
}

}  // namespace

Result<StreamDraft> ReadStream(const Component& stream, const AirbyteSettings& settings) {
  StreamDraft draft(settings);
  draft.name = stream.Text("name");
  if (stream.type() != "DeclarativeStream") return ManifestError(stream, "a stream of type " + stream.type());
  if (airbyte::IsCustom(stream.Child("retriever")))
    return ManifestError(stream, "Python: " + stream.Child("retriever").type());
  ARROW_RETURN_NOT_OK(RefuseOthers(stream, {"type", "primary_key", "retriever", "incremental_sync", "schema_loader",
                                            "transformations", "state_migrations"}));
  const Component retriever = stream.Child("retriever");
  ARROW_RETURN_NOT_OK(ReadRetriever(retriever, &draft));
  ARROW_RETURN_NOT_OK(ReadCursor(stream.Child("incremental_sync"), &draft));
  ARROW_RETURN_NOT_OK(ReadRequest(retriever, &draft));
  ARROW_RETURN_NOT_OK(ReadTransformations(stream.Children("transformations"), &draft));
  ARROW_ASSIGN_OR_RAISE(const Value key, KeyOf(stream));
  Put(&draft.table, "primary_key", key);
  ARROW_RETURN_NOT_OK(Settle(stream, !key.is_null(), &draft));
  return draft;
}

}  // namespace firn::connector::foreign
