#include "table/write/file_layout.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "table/metadata/metadata.h"

namespace firn::table {
namespace {

constexpr int64_t kFilterBytesMax = int64_t{128} << 20;

template <typename T>
std::optional<T> NumberOf(const std::map<std::string, std::string>& properties, const std::string& key) {
  const auto found = properties.find(key);
  if (found == properties.end()) return std::nullopt;
  T value{};
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Calls `take(full name, field)` for each primitive outside lists and maps.
template <typename Take>
void EachPrimitive(const std::vector<schema::Field>& fields, const std::string& prefix, Take&& take) {
  for (const schema::Field& field : fields) {
    const std::string name = prefix + field.name;
    if (field.type->id == schema::TypeId::kStruct) {
      EachPrimitive(field.type->children, name + ".", take);
    } else if (!field.type->is_nested()) {
      take(name, field);
    }
  }
}

}  // namespace

std::string ZOrderText(const std::vector<std::string>& columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "zorder(" : ",") + column;
  return text + ")";
}

std::vector<std::string> ParseZOrderText(std::string_view text) {
  constexpr std::string_view kOpen = "zorder(";
  if (!text.starts_with(kOpen) || !text.ends_with(")")) return {};
  text = text.substr(kOpen.size(), text.size() - kOpen.size() - 1);
  std::vector<std::string> names;
  while (true) {
    const size_t comma = text.find(',');
    std::string_view name = text.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    names.emplace_back(name);
    if (comma == std::string_view::npos) return names;
    text.remove_prefix(comma + 1);
  }
}

FileLayout LayoutOf(const SortOrder& order, const std::map<std::string, std::string>& properties,
                    const schema::Schema& schema) {
  FileLayout layout{.order = {.order = order}};
  layout.target_file_bytes = std::max<int64_t>(0, NumberOf<int64_t>(properties, kTargetFileSize).value_or(0));
  if (const auto zorder = properties.find(kZOrderKey); zorder != properties.end() && order.fields.empty()) {
    for (const std::string& name : ParseZOrderText(zorder->second)) {
      const schema::Field* column = schema.Find(name);
      if (column != nullptr) layout.order.zorder.push_back(column->id);
    }
  }
  const int64_t bytes_max = NumberOf<int64_t>(properties, kBloomBytesMax).value_or(BloomColumn{}.bytes_max);
  EachPrimitive(schema.fields, "", [&](const std::string& name, const schema::Field& field) {
    const auto enabled = properties.find(kBloomEnabledPrefix + name);
    if (enabled == properties.end() || enabled->second != "true") return;
    if (field.type->id == schema::TypeId::kBoolean) return;
    BloomColumn column{.field_id = field.id, .bytes_max = std::clamp<int64_t>(bytes_max, 32, kFilterBytesMax)};
    const double fpp = NumberOf<double>(properties, kBloomFppPrefix + name).value_or(column.fpp);
    if (fpp > 0 && fpp < 1) column.fpp = fpp;
    column.ndv = std::max<int64_t>(0, NumberOf<int64_t>(properties, kBloomNdvPrefix + name).value_or(0));
    layout.bloom_filters.push_back(column);
  });
  return layout;
}

FileLayout LayoutOf(const TableMetadata& metadata) {
  return LayoutOf(metadata.default_sort_order(), metadata.properties, metadata.schema());
}

}  // namespace firn::table
