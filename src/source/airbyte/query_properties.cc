#include "source/airbyte/query_properties.h"

#include "source/airbyte/dpath.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

std::vector<std::string> Texts(const Component& component, std::string_view field) {
  std::vector<std::string> out;
  const auto* found = component.Find(field);
  if (found == nullptr) return out;
  if (found->is_string()) return {found->as_string()};
  if (found->kind() != expression::Value::Kind::kList) return out;
  for (const auto& item : found->as_list()) out.push_back(expression::ToText(item));
  return out;
}

// The component and the parameter it fills.
std::pair<Component, std::string> FindIn(const Component& requester) {
  const Component parameters = requester.Child("request_parameters");
  if (parameters.present()) {
    for (const auto& [name, value] : parameters.value().as_map()) {
      const Component child = parameters.Child(name);
      if (child.present() && child.type() == "QueryProperties") return {child, name};
    }
  }
  return {requester.Child("query_properties"), ""};
}

}  // namespace

Value DeepMerged(const Value& under, const Value& over) {
  if (!under.is_map() || !over.is_map()) return over;
  Entries entries = under.as_map();
  for (const auto& [key, value] : over.as_map()) {
    const std::string name = jinja::ToText(key);
    const Value* old = FindEntry(entries, name);
    Put(entries, name, old == nullptr ? value : DeepMerged(*old, value));
  }
  return Value::OfMap(std::move(entries));
}

Result<std::unique_ptr<QueryProperties>> QueryProperties::Make(const Component& requester, const RunContext& run,
                                                               const std::string& stream) {
  auto [component, parameter] = FindIn(requester);
  Component endpoint = component.Child("property_list");
  if (!component.present()) endpoint = requester.Child("fetch_properties_from_endpoint");
  if (!component.present() && !endpoint.present()) return std::unique_ptr<QueryProperties>();
  auto made = std::make_unique<QueryProperties>();
  made->parameter_ = parameter;
  made->component_ = component;
  if (endpoint.present()) {
    made->property_path_ = Texts(endpoint, "property_field_path");
    RetrieverParts parts;
    parts.stream = stream;
    parts.use_cache = true;
    ARROW_ASSIGN_OR_RAISE(made->endpoint_, MakeSimpleRetriever(endpoint.Child("retriever"), run, std::move(parts)));
  }
  if (const Component selector = component.Child("property_selector"); selector.present()) {
    if (selector.type() != "JsonSchemaPropertySelector") {
      return ManifestError(selector, "a property selector of type " + selector.type() + " cannot be run");
    }
    for (const Component& one : selector.Children("transformations")) {
      ARROW_ASSIGN_OR_RAISE(auto transformation, Transformation::Make(one, run));
      made->of_selection_.push_back(std::move(transformation));
    }
    made->selection_ = run.SelectedOf(stream);
  }
  const Component chunking = component.Child("property_chunking");
  const Component strategy = chunking.Child("record_merge_strategy");
  if (strategy.present() && strategy.type() != "GroupByKeyMergeStrategy") {
    return ManifestError(strategy, "a merge strategy of type " + strategy.type() + " cannot be run");
  }
  if (chunking.present())
    made->merge_key_ = strategy.present() ? Texts(strategy, "key") : std::vector<std::string>{"id"};
  return made;
}

Result<List> QueryProperties::Names() {
  List names;
  if (endpoint_ != nullptr) {
    ARROW_RETURN_NOT_OK(endpoint_->Read({}, Value(), [&](const Value& record) {
      const Value name = ValueAt(record, property_path_);
      if (!name.is_undefined()) names.push_back(name);
      return Status::OK();
    }));
    return names;
  }
  for (const std::string& name : Texts(component_, "property_list")) names.push_back(Value::String(name));
  return names;
}

Result<List> QueryProperties::Selected(List names) const {
  if (!selection_) return names;
  Value selection = *selection_;
  for (const auto& transformation : of_selection_) {
    ARROW_ASSIGN_OR_RAISE(selection, transformation->Apply(std::move(selection), {}));
  }
  std::erase_if(names, [&](const Value& name) { return !selection.Find(jinja::ToText(name)); });
  return names;
}

Result<std::vector<List>> QueryProperties::Chunks() {
  if (chunks_) return *chunks_;
  ARROW_ASSIGN_OR_RAISE(List names, Names());
  const Component chunking = component_.Child("property_chunking");
  List always;
  for (const std::string& name : Texts(component_, "always_include_properties")) always.push_back(Value::String(name));
  const int64_t limit = chunking.Integer("property_limit").value_or(0);
  if (chunking.present() && limit == 0) {  // the reference selects nothing here, and puts the others last
    names.insert(names.end(), always.begin(), always.end());
    chunks_ = {std::move(names)};
    return *chunks_;
  }
  ARROW_ASSIGN_OR_RAISE(names, Selected(std::move(names)));
  if (!chunking.present()) {
    List all = always;
    all.insert(all.end(), names.begin(), names.end());
    chunks_ = {all};
    return *chunks_;
  }
  const bool by_characters = chunking.Text("property_limit_type", "property_count") == "characters";
  std::vector<List> chunks;
  List current = always;
  int64_t size = 0;
  for (const Value& name : names) {
    // Three more for the encoded separator.
    const int64_t own = by_characters ? static_cast<int64_t>(jinja::ToText(name).size()) + 3 : 1;
    if (size + own > limit) {
      chunks.push_back(std::move(current));
      current = always;
      size = 0;
    }
    size += own;
    current.push_back(name);
  }
  chunks.push_back(std::move(current));
  chunks_ = std::move(chunks);
  return *chunks_;
}

std::optional<std::string> QueryProperties::MergeKeyOf(const Value& record) const {
  if (merge_key_.empty()) return std::nullopt;
  std::string key;
  for (const std::string& step : merge_key_) {
    const auto value = record.Find(step);
    if (!value) return std::nullopt;
    key += CanonicalJson(*value) + ",";
  }
  return key;
}

}  // namespace firn::source::airbyte
