#include "source/airbyte/decoder.h"

#include <algorithm>

#include "source/airbyte/csv_rows.h"
#include "source/airbyte/text_encoding.h"
#include "source/airbyte/xml_value.h"
#include "source/airbyte/zip_member.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

std::vector<Value> ItemsOf(Value value) {
  if (!value.is_list()) return {std::move(value)};
  return value.as_list();
}

Status Unreadable(const char* what) {
  return MakeError(Fault::kBadData, std::string("the API's answer is no ") + what,
                   {.code = "E0927",
                    .why = "left out, it would pass for the end of the rows",
                    .state = "the position is that of the last run",
                    .next = "run again; if it stays so, look at what the API answers (firn airbyte read …)"});
}

class JsonDecoder : public Decoder {
 public:
  explicit JsonDecoder(bool strict) : strict_(strict) {}
  bool wants_json() const override { return true; }
  Result<std::vector<Value>> Decode(const ApiResponse& response) const override {
    if (!response.is_json()) {
      if (strict_ && !response.is_blank()) return Unreadable("JSON");
      return std::vector<Value>{EmptyMap()};
    }
    std::vector<Value> items = ItemsOf(response.Json());
    if (items.empty()) items.push_back(EmptyMap());
    return items;
  }

 private:
  const bool strict_;
};

class XmlDecoder : public Decoder {
 public:
  explicit XmlDecoder(bool strict) : strict_(strict) {}
  Result<std::vector<Value>> Decode(const ApiResponse& response) const override {
    auto value = ParseXml(response.text());
    if (value.ok()) return std::vector<Value>{value.MoveValueUnsafe()};
    if (strict_ && !response.is_blank()) return Unreadable("XML");
    return std::vector<Value>{EmptyMap()};
  }

 private:
  const bool strict_;
};

/// Bytes that hold rows: what is inside a gzip or zip wrapper, too.
class BytesDecoder : public Decoder {
 public:
  Result<std::vector<Value>> Decode(const ApiResponse& response) const override { return DecodeBytes(response.text()); }
  bool seen_by_paginator() const override { return false; }
  virtual Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const = 0;
};

class JsonBytesDecoder : public BytesDecoder {
 public:
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    ARROW_ASSIGN_OR_RAISE(Value value, jinja::ParseJson(bytes));
    return ItemsOf(std::move(value));
  }
};

/// The elements of one array of a document. `path`: names joined by dots; "item" in it stands for every element of an
/// array on the way (ijson's prefixes).
class JsonItemsDecoder : public BytesDecoder {
 public:
  JsonItemsDecoder(const std::string& path, std::string encoding) : encoding_(std::move(encoding)) {
    for (size_t begin = 0; begin <= path.size();) {
      const size_t end = std::min(path.find('.', begin), path.size());
      path_.push_back(path.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    ARROW_ASSIGN_OR_RAISE(const std::string text, TextOf(bytes, encoding_));
    ARROW_ASSIGN_OR_RAISE(const Value document, jinja::ParseJson(text));
    std::vector<Value> items;
    Collect(document, 0, &items);
    return items;
  }

 private:
  void Collect(const Value& value, size_t depth, std::vector<Value>* out) const {
    if (depth == path_.size()) {
      if (value.is_list()) out->insert(out->end(), value.as_list().begin(), value.as_list().end());
    } else if (value.is_list() && path_[depth] == "item") {
      for (const Value& element : value.as_list()) Collect(element, depth + 1, out);
    } else if (value.is_map()) {
      if (const auto found = value.Find(path_[depth])) Collect(*found, depth + 1, out);
    }
  }

  const std::string encoding_;
  std::vector<std::string> path_;
};

class JsonLinesDecoder : public BytesDecoder {
 public:
  explicit JsonLinesDecoder(bool strict) : strict_(strict) {}
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    std::vector<Value> rows;
    while (!bytes.empty()) {
      const size_t end = std::min(bytes.find('\n'), bytes.size());
      const std::string_view line = bytes.substr(0, end);
      auto value = jinja::ParseJson(line);
      if (value.ok()) rows.push_back(value.MoveValueUnsafe());  // as the reference: a bad line is left out
      if (!value.ok() && strict_ && !IsBlank(line)) return Unreadable("JSON in one of its lines");
      bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
    return rows;
  }

 private:
  const bool strict_;
};

class LinesDecoder : public BytesDecoder {
 public:
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    std::vector<Value> rows;
    while (!bytes.empty()) {
      const size_t end = std::min(bytes.find('\n'), bytes.size());
      std::string_view line = bytes.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      rows.push_back(Value::OfMap({{Value::String("record"), Value::String(line)}}));
      bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
    return rows;
  }
};

class CsvDecoder : public BytesDecoder {
 public:
  explicit CsvDecoder(CsvOptions options) : options_(std::move(options)) {}
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    return ParseCsvRows(bytes, options_);
  }

 private:
  const CsvOptions options_;
};

class GzipDecoder : public BytesDecoder {
 public:
  explicit GzipDecoder(std::unique_ptr<BytesDecoder> inner) : inner_(std::move(inner)) {}
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    if (!bytes.starts_with("\x1f\x8b")) return inner_->DecodeBytes(bytes);  // the transport has unpacked it
    ARROW_ASSIGN_OR_RAISE(const std::string plain, Gunzip(bytes));
    return inner_->DecodeBytes(plain);
  }

 private:
  const std::unique_ptr<BytesDecoder> inner_;
};

class ZipDecoder : public BytesDecoder {
 public:
  explicit ZipDecoder(std::unique_ptr<BytesDecoder> inner) : inner_(std::move(inner)) {}
  Result<std::vector<Value>> DecodeBytes(std::string_view bytes) const override {
    ARROW_ASSIGN_OR_RAISE(const auto members, UnzipMembers(bytes));
    std::vector<Value> rows;
    for (const std::string& member : members) {
      ARROW_ASSIGN_OR_RAISE(auto more, inner_->DecodeBytes(member));
      rows.insert(rows.end(), more.begin(), more.end());
    }
    return rows;
  }

 private:
  const std::unique_ptr<BytesDecoder> inner_;
};

CsvOptions OptionsOf(const Component& component) {
  CsvOptions options{.delimiter = component.Text("delimiter", ","),
                     .encoding = component.Text("encoding", "utf-8"),
                     .nulls = {},
                     .has_nulls = component.Has("set_values_to_none")};
  if (const auto* values = component.Find("set_values_to_none");
      values != nullptr && values->kind() == expression::Value::Kind::kList) {
    for (const auto& value : values->as_list()) options.nulls.push_back(expression::ToText(value));
  }
  return options;
}

Result<std::unique_ptr<BytesDecoder>> MakeBytesDecoder(const Component& component, bool strict) {
  const std::string type = component.type();
  std::unique_ptr<BytesDecoder> made;
  if (!component.present() || type == "JsonDecoder") made.reset(new JsonBytesDecoder());
  if (type == "JsonItemsDecoder") {
    const std::string path = component.Text("items_path");
    if (path.empty()) return ManifestError(component, "a JsonItemsDecoder needs items_path");
    made.reset(new JsonItemsDecoder(path, component.Text("encoding", "utf-8")));
  }
  if (type == "JsonlDecoder") made.reset(new JsonLinesDecoder(strict));
  if (type == "IterableDecoder") made.reset(new LinesDecoder());
  if (type == "CsvDecoder") made.reset(new CsvDecoder(OptionsOf(component)));
  if (type == "GzipDecoder" || type == "ZipfileDecoder") {
    ARROW_ASSIGN_OR_RAISE(auto inner, MakeBytesDecoder(component.Child("decoder"), strict));
    made.reset(type == "GzipDecoder" ? static_cast<BytesDecoder*>(new GzipDecoder(std::move(inner)))
                                     : new ZipDecoder(std::move(inner)));
  }
  if (made == nullptr) return ManifestError(component, "a decoder of type " + type + " cannot be run");
  return made;
}

}  // namespace

Result<Value> Decoder::FirstOf(const ApiResponse& response) const {
  if (!seen_by_paginator()) return EmptyMap();
  ARROW_ASSIGN_OR_RAISE(const auto values, Decode(response));
  return values.empty() ? EmptyMap() : values.front();
}

Result<std::unique_ptr<Decoder>> Decoder::Make(const Component& component, bool strict) {
  if (!component.present() || component.type() == "JsonDecoder") return std::make_unique<JsonDecoder>(strict);
  if (component.type() == "XmlDecoder") return std::make_unique<XmlDecoder>(strict);
  ARROW_ASSIGN_OR_RAISE(auto made, MakeBytesDecoder(component, strict));
  return std::unique_ptr<Decoder>(std::move(made));
}

}  // namespace firn::source::airbyte
