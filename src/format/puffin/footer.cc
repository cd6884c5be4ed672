#include "format/puffin/footer.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace firn::format::puffin {

namespace {

using Json = nlohmann::json;

constexpr size_t kBlobsMax = 1'000'000;

Status Bad(const std::string& problem) {
  return MakeError(Fault::kBadData, "Puffin footer: " + problem);
}

std::optional<int64_t> Integer(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return std::nullopt;
  }
  return value.get<int64_t>();
}

Status ReadProperties(const Json& object, std::map<std::string, std::string>* out) {
  const auto found = object.find("properties");
  if (found == object.end() || found->is_null()) return Status::OK();
  if (!found->is_object()) return Bad("properties are no object");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) return Bad("a property is no text");
    (*out)[key] = value.get<std::string>();
  }
  return Status::OK();
}

Result<int64_t> Required(const Json& blob, const char* key) {
  const auto found = blob.find(key);
  const auto number = found == blob.end() ? std::nullopt : Integer(*found);
  if (!number) return Bad(std::string("a blob has no whole number ") + key);
  return *number;
}

Result<BlobInfo> ReadBlobInfo(const Json& blob, int64_t blobs_end) {
  if (!blob.is_object()) return Bad("a blob is no object");
  BlobInfo info;
  const auto type = blob.find("type");
  if (type == blob.end() || !type->is_string()) return Bad("a blob has no type");
  info.type = type->get<std::string>();
  const auto fields = blob.find("fields");
  if (fields == blob.end() || !fields->is_array()) return Bad("a blob has no fields");
  for (const Json& field : *fields) {
    const auto id = Integer(field);
    if (!id || *id < std::numeric_limits<int32_t>::min() || *id > std::numeric_limits<int32_t>::max()) {
      return Bad("a field id is no int");
    }
    info.fields.push_back(static_cast<int32_t>(*id));
  }
  ARROW_ASSIGN_OR_RAISE(info.snapshot_id, Required(blob, "snapshot-id"));
  ARROW_ASSIGN_OR_RAISE(info.sequence_number, Required(blob, "sequence-number"));
  ARROW_ASSIGN_OR_RAISE(info.offset, Required(blob, "offset"));
  ARROW_ASSIGN_OR_RAISE(info.length, Required(blob, "length"));
  const auto magic_bytes = static_cast<int64_t>(kMagic.size());
  if (info.offset < magic_bytes || info.length < 0 || info.offset > blobs_end ||
      info.length > blobs_end - info.offset) {
    return Bad("a blob lies outside of the file: offset " + std::to_string(info.offset) + ", length " +
               std::to_string(info.length) + ", end " + std::to_string(blobs_end));
  }
  const auto codec = blob.find("compression-codec");
  if (codec != blob.end() && !codec->is_null()) {
    if (!codec->is_string()) return Bad("a compression codec is no text");
    info.compression = codec->get<std::string>();
  }
  ARROW_RETURN_NOT_OK(ReadProperties(blob, &info.properties));
  return info;
}

Json ToJson(const BlobInfo& blob) {
  Json json = {{"type", blob.type},
               {"fields", blob.fields},
               {"snapshot-id", blob.snapshot_id},
               {"sequence-number", blob.sequence_number},
               {"offset", blob.offset},
               {"length", blob.length}};
  if (!blob.compression.empty()) json["compression-codec"] = blob.compression;
  if (!blob.properties.empty()) json["properties"] = blob.properties;
  return json;
}

}  // namespace

Result<Footer> ParseFooter(std::string_view json, int64_t blobs_end) {
  const Json root = Json::parse(json, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Bad("not a JSON object");
  Footer footer;
  ARROW_RETURN_NOT_OK(ReadProperties(root, &footer.properties));
  const auto blobs = root.find("blobs");
  if (blobs == root.end() || !blobs->is_array()) return Bad("no list of blobs");
  if (blobs->size() > kBlobsMax) return Bad("too many blobs: " + std::to_string(blobs->size()));
  for (const Json& blob : *blobs) {
    ARROW_ASSIGN_OR_RAISE(footer.blobs.emplace_back(), ReadBlobInfo(blob, blobs_end));
  }
  return footer;
}

Result<std::string> EncodeFooter(const Footer& footer) {
  Json root = {{"blobs", Json::array()}};
  for (const BlobInfo& blob : footer.blobs) root["blobs"].push_back(ToJson(blob));
  if (!footer.properties.empty()) root["properties"] = footer.properties;
  std::string json;
  try {
    json = root.dump();
  } catch (const Json::exception&) {
    return MakeError(Fault::kBadData, "Puffin footer: a property is not UTF-8, for example the path of a data file");
  }
  std::string bytes(kMagic);
  bytes += json;
  const auto size = static_cast<uint32_t>(json.size());
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((size >> shift) & 0xFF);
  bytes.append(4, '\0');
  bytes += kMagic;
  return bytes;
}

}  // namespace firn::format::puffin
