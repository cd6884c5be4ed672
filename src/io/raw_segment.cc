// Format: docs/spec/raw_archive.md; segments of version 1 (plain) and 3 (sealed). All integers are little-endian.
//
//   segment := "FIRNRAW" version:u8  [head_bytes:u32 head (JSON), version 3]  entry*  index
//   entry   := meta_bytes:u32 stored_bytes:u64 xxh3:16 bytes (of meta and stored)  meta (JSON)  stored (one zstd frame)
//   index   := JSON  json_bytes:u32 xxh3:16 bytes (of the JSON)  "FIRNEND" version:u8
//
// In version 3 each entry, and the JSON of the index, is one message of AES-256-GCM, its tag of 16 bytes behind it.
#include "io/raw_segment.h"

#include <arrow/buffer.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/hash.h"
#include "base/redactor.h"
#include "io/body_buffer.h"
#include "io/http_client.h"
#include "io/url.h"

namespace firn::io {
namespace {

using Json = nlohmann::json;

constexpr char kPlainVersion = 1;
constexpr char kSealedVersion = 3;
constexpr std::string_view kHeadMagic = "FIRNRAW";
constexpr std::string_view kEndMagic = "FIRNEND";
constexpr int64_t kMagicBytes = kRawMagicBytes;
constexpr int64_t kHashBytes = 16;
constexpr int64_t kEntryHeadBytes = 4 + 8 + kHashBytes;
constexpr int64_t kTrailerBytes = 4 + kHashBytes + kMagicBytes;
constexpr int64_t kHeadBytesMax = 4096;  // of the JSON of a sealed segment
constexpr int64_t kMetaBytesMax = 16 << 20;
constexpr int64_t kBodyBytesMax = int64_t{1} << 31;

void PutInteger(std::string* out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) *out += static_cast<char>(value >> (8 * i));
}
uint64_t GetInteger(const uint8_t* from, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= static_cast<uint64_t>(from[i]) << (8 * i);
  return value;
}
const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
void PutHash(std::string* out, const Hash128& hash) {
  PutInteger(out, hash.low, 8);
  PutInteger(out, hash.high, 8);
}
Hash128 GetHash(const uint8_t* from) {
  return {.high = GetInteger(from + 8, 8), .low = GetInteger(from, 8)};
}
std::string_view ViewOf(const arrow::Buffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(buffer.size())};
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string MetaOf(const RawEntry& entry) {
  return Dump(Json{{"ordinal", entry.ordinal},
                   {"method", entry.method},
                   {"url", RedactUrl(entry.url)},
                   {"status", entry.status},
                   {"time", FormatTimestamp(entry.time)},
                   {"split", entry.split},
                   {"context", ProcessRedactor().Redact(entry.context)},
                   {"body_bytes", entry.body->size()}});
}

Status CheckMagic(const std::string& location, std::string_view bytes, std::string_view expected) {
  if (bytes.substr(0, 7) != expected) return RawDamaged(location, "not a segment");
  if (bytes[7] == kPlainVersion || bytes[7] == kSealedVersion) return Status::OK();
  return MakeError(Fault::kBadData,
                   "raw archive has version " + std::to_string(static_cast<int>(bytes[7])) +
                       ", this build knows 1 and 3: " + location,
                   {.next = "read it with a newer firn"});
}

// What stands before the entries. nullopt: the file ends in it.
struct Head {
  bool sealed = false;
  std::string json;
  int64_t bytes = kMagicBytes;
};
Result<std::optional<Head>> ReadHead(FileStore& store, const std::string& location, int64_t size) {
  if (size < kMagicBytes) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto bytes,
                        store.ReadRange(location, 0, std::min(size, kMagicBytes + 4 + kHeadBytesMax)));
  const std::string_view text = ViewOf(*bytes);
  ARROW_RETURN_NOT_OK(CheckMagic(location, text.substr(0, static_cast<size_t>(kMagicBytes)), kHeadMagic));
  Head head{.sealed = text[7] == kSealedVersion};
  if (!head.sealed) return head;
  if (bytes->size() < kMagicBytes + 4) return std::nullopt;
  const auto length = static_cast<int64_t>(GetInteger(bytes->data() + kMagicBytes, 4));
  if (length > kHeadBytesMax) return RawDamaged(location, "length of the head");
  head.bytes = kMagicBytes + 4 + length;
  if (bytes->size() < head.bytes) return std::nullopt;
  head.json = text.substr(static_cast<size_t>(kMagicBytes + 4), static_cast<size_t>(length));
  return head;
}

Status ParseIndex(const std::string& text, RawSegment* out) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("offsets") || !json["offsets"].is_array() ||
      !json.value("first_ordinal", Json()).is_number_integer()) {
    return RawDamaged(out->location, "index");
  }
  out->first_ordinal = json["first_ordinal"].get<int64_t>();
  for (const Json& offset : json["offsets"]) {
    if (!offset.is_number_integer()) return RawDamaged(out->location, "index");
    out->offsets.push_back(offset.get<int64_t>());
  }
  return Status::OK();
}

Result<RawEntry> Decode(const std::string& location, std::string_view meta, std::string_view stored) {
  const Json json = Json::parse(meta, nullptr, /*allow_exceptions=*/false);
  const auto text = [&](const char* name) {
    return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : std::string();
  };
  const auto number = [&](const char* name) {
    return json.contains(name) && json[name].is_number_integer() ? json[name].get<int64_t>() : int64_t{-1};
  };
  if (!json.is_object()) return RawDamaged(location, "entry description");
  const int64_t body_bytes = number("body_bytes");
  if (body_bytes < 0 || body_bytes > kBodyBytesMax) return RawDamaged(location, "body length");
  RawEntry entry{.method = text("method"),
                 .url = text("url"),
                 .status = static_cast<int>(number("status")),
                 .split = text("split"),
                 .context = text("context"),
                 .ordinal = number("ordinal")};
  ARROW_ASSIGN_OR_RAISE(entry.time, ParseTimestamp(text("time")));
  BodyBuffer body(kBodyBytesMax, arrow::default_memory_pool());
  int64_t room_bytes = 0;
  ARROW_ASSIGN_OR_RAISE(uint8_t* room, body.Room(body_bytes, &room_bytes));
  const size_t size = ZSTD_decompress(room, static_cast<size_t>(body_bytes), stored.data(), stored.size());
  if (ZSTD_isError(size) != 0 || static_cast<int64_t>(size) != body_bytes) return RawDamaged(location, "body");
  ARROW_RETURN_NOT_OK(body.Commit(body_bytes));
  ARROW_ASSIGN_OR_RAISE(entry.body, body.Finish());
  return entry;
}

void PutText(std::string* out, const std::string& text) {
  PutInteger(out, text.size(), 4);
  *out += text;
}

}  // namespace

Status RawDamaged(const std::string& location, const std::string& what) {
  return MakeError(
      Fault::kBadData, "raw archive is damaged: " + location + ", " + what,
      {.state = "nothing was changed", .next = "put the file back from a backup, or firn run --full-refresh"});
}

std::string RawSegmentName(int64_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%06lld", static_cast<long long>(number));
  return text + std::string(kRawSuffix);
}

std::string RawSegmentContext(const RawArchivePlace& place, int64_t number) {
  std::string out = "firn raw archive 3\n";
  for (const std::string& part : {place.pipeline, place.dataset, place.table, place.run}) PutText(&out, part);
  PutInteger(&out, static_cast<uint64_t>(number), 8);
  return out;
}

Result<std::string> CompressRaw(std::string_view body, int level) {
  std::string out(ZSTD_compressBound(body.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), level);
  if (ZSTD_isError(size) != 0) return MakeError(Fault::kBug, std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

std::string EncodeRawHead(const RawCipher* cipher) {
  std::string out(kHeadMagic);
  out += cipher == nullptr ? kPlainVersion : kSealedVersion;
  if (cipher != nullptr) PutText(&out, cipher->head());
  return out;
}

Result<std::string> EncodeRawEntry(const RawEntry& entry, const std::string& stored, const RawCipher* cipher,
                                   uint64_t number) {
  const std::string meta = MetaOf(entry);
  std::string out;
  PutInteger(&out, meta.size(), 4);
  PutInteger(&out, stored.size(), 8);
  PutHash(&out, Xxh3(meta + stored));
  out += meta;
  out += stored;
  if (cipher != nullptr) ARROW_RETURN_NOT_OK(cipher->Seal(RawCipher::kEntry, number, &out));
  return out;
}

Result<std::string> EncodeRawIndex(const std::vector<int64_t>& offsets, int64_t first_ordinal,
                                   const RawCipher* cipher) {
  const char version = cipher == nullptr ? kPlainVersion : kSealedVersion;
  std::string out =
      Dump(Json{{"version", static_cast<int>(version)}, {"first_ordinal", first_ordinal}, {"offsets", offsets}});
  if (cipher != nullptr) ARROW_RETURN_NOT_OK(cipher->Seal(RawCipher::kIndex, 0, &out));
  const Hash128 hash = Xxh3(out);
  PutInteger(&out, out.size(), 4);
  PutHash(&out, hash);
  out += kEndMagic;
  out += version;
  return out;
}

Result<std::optional<RawSegment>> OpenRawSegment(FileStore& store, const std::string& location,
                                                 const RawArchivePlace& place, int64_t number, const RawKeys& keys) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, store.Size(location));
  ARROW_ASSIGN_OR_RAISE(const std::optional<Head> head, ReadHead(store, location, size));
  if (!head || size < head->bytes + kTrailerBytes) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const auto trailer, store.ReadRange(location, size - kTrailerBytes, kTrailerBytes));
  const std::string_view end_mark = ViewOf(*trailer).substr(static_cast<size_t>(kTrailerBytes - kMagicBytes));
  if (!end_mark.starts_with(kEndMagic)) return std::nullopt;
  ARROW_RETURN_NOT_OK(CheckMagic(location, end_mark, kEndMagic));
  if ((end_mark[7] == kSealedVersion) != head->sealed) return RawDamaged(location, "versions of its ends differ");
  const auto json_bytes = static_cast<int64_t>(GetInteger(trailer->data(), 4));
  RawSegment segment{
      .location = location, .offsets = {}, .entries_end = size - kTrailerBytes - json_bytes, .cipher = {}};
  if (segment.entries_end < head->bytes) return RawDamaged(location, "index length");
  ARROW_ASSIGN_OR_RAISE(const auto bytes, store.ReadRange(location, segment.entries_end, json_bytes));
  if (Xxh3(ViewOf(*bytes)) != GetHash(trailer->data() + 4)) return RawDamaged(location, "index checksum");
  std::string text(ViewOf(*bytes));
  if (head->sealed) {
    auto cipher = RawCipher::Open(head->json, keys, RawSegmentContext(place, number));
    if (!cipher.ok() && FaultOf(cipher.status()) == Fault::kBadData) {
      return RawDamaged(location, cipher.status().message());
    }
    ARROW_RETURN_NOT_OK(cipher.status());
    segment.cipher.emplace(std::move(*cipher));
    auto opened = segment.cipher->Open(RawCipher::kIndex, 0, text);
    if (!opened.ok()) return RawDamaged(location, opened.status().message());
    text = std::move(*opened);
  }
  ARROW_RETURN_NOT_OK(ParseIndex(text, &segment));
  return segment;
}

Result<RawEntry> DecodeRawEntry(const std::string& where, std::string_view bytes) {
  if (static_cast<int64_t>(bytes.size()) < kEntryHeadBytes) return RawDamaged(where, "entry length");
  const auto meta_bytes = static_cast<int64_t>(GetInteger(Bytes(bytes), 4));
  const auto stored_bytes = static_cast<int64_t>(GetInteger(Bytes(bytes) + 4, 8));
  if (meta_bytes > kMetaBytesMax || stored_bytes != static_cast<int64_t>(bytes.size()) - kEntryHeadBytes - meta_bytes) {
    return RawDamaged(where, "entry lengths");
  }
  const std::string_view payload = bytes.substr(static_cast<size_t>(kEntryHeadBytes));
  if (Xxh3(payload) != GetHash(Bytes(bytes) + 12)) return RawDamaged(where, "entry checksum");
  return Decode(where, payload.substr(0, static_cast<size_t>(meta_bytes)),
                payload.substr(static_cast<size_t>(meta_bytes)));
}

Result<RawEntry> ReadRawEntry(FileStore& store, const RawSegment& segment, size_t index) {
  const std::string& location = segment.location;
  const int64_t begin = segment.offsets[index];
  const int64_t end = index + 1 == segment.offsets.size() ? segment.entries_end : segment.offsets[index + 1];
  if (begin < kMagicBytes || end > segment.entries_end || end - begin < kEntryHeadBytes) {
    return RawDamaged(location, "entry offsets");
  }
  ARROW_ASSIGN_OR_RAISE(const auto read, store.ReadRange(location, begin, end - begin));
  const std::string where = location + " at offset " + std::to_string(begin);
  if (!segment.cipher) return DecodeRawEntry(where, ViewOf(*read));
  auto plain = segment.cipher->Open(RawCipher::kEntry, index, ViewOf(*read));
  if (!plain.ok()) return RawDamaged(location, plain.status().message());
  return DecodeRawEntry(where, *plain);
}

Result<std::optional<RawSeal>> ReadRawSeal(FileStore& store, const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, store.Size(location));
  ARROW_ASSIGN_OR_RAISE(const std::optional<Head> head, ReadHead(store, location, size));
  if (!head) return std::nullopt;
  if (!head->sealed) return RawSeal{};
  const auto seal = ParseRawSeal(head->json);
  if (!seal.ok()) return RawDamaged(location, seal.status().message());
  return *seal;
}

}  // namespace firn::io
