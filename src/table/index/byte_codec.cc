#include "table/index/byte_codec.h"

#include "base/hash.h"

namespace firn::table::index {

namespace {

constexpr size_t kHeadBytes = 24;
constexpr size_t kChecksumBytes = 16;

uint32_t CheckOf(std::string_view head) {
  return static_cast<uint32_t>(Xxh3(head).low);
}

}  // namespace

std::string Frame(std::string_view magic, uint32_t version, std::string_view payload) {
  FIRN_CHECK(magic.size() == 8);
  ByteWriter writer;
  writer.PutBytes(magic);
  writer.Put(version);
  writer.Put(CheckOf(writer.bytes()));
  writer.Put(static_cast<uint64_t>(payload.size()));
  writer.PutBytes(payload);
  const Hash128 checksum = Xxh3(writer.bytes());
  writer.Put(checksum.high);
  writer.Put(checksum.low);
  return writer.bytes();
}

Result<std::string_view> Unframe(std::string_view bytes, std::string_view magic, uint32_t version,
                                 std::string_view what) {
  const auto damaged = [&](const char* why) {
    return MakeError(Fault::kBadData, std::string(what) + " is damaged: " + why);
  };
  ByteReader reader(bytes);
  if (reader.TakeBytes(8) != magic) return damaged("it does not begin as one");
  const auto found = reader.Take<uint32_t>();
  if (reader.Take<uint32_t>() != CheckOf(bytes.substr(0, 12)) || !reader.ok()) return damaged("its version is torn");
  if (found > version) {
    return MakeError(Fault::kConfig,
                     std::string(what) + " was written by a newer firn: format " + std::to_string(found) + " > " +
                         std::to_string(version),
                     {.next = "use the newer firn, or remove the index folder: it is built again from the table"});
  }
  if (found != version) return damaged("there is no such version");
  const auto length = reader.Take<uint64_t>();
  if (!reader.ok() || bytes.size() < kHeadBytes + kChecksumBytes ||
      length != bytes.size() - kHeadBytes - kChecksumBytes) {
    return damaged("its length is wrong");
  }
  const std::string_view payload = reader.TakeBytes(length);
  Hash128 checksum{.high = reader.Take<uint64_t>()};
  checksum.low = reader.Take<uint64_t>();
  if (checksum != Xxh3(bytes.substr(0, kHeadBytes + length))) return damaged("its checksum is wrong");
  return payload;
}

}  // namespace firn::table::index
