#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/json/page.h"
#include "source/process/conversation.h"
#include "source/process/messages.h"

// What a program prints, as lines of each protocol and as an answer about its streams. Seeds: the first byte chooses.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using firn::config::ProcessProtocol;
  namespace process = firn::source::process;
  if (size == 0) return 0;
  constexpr ProcessProtocol kProtocols[] = {ProcessProtocol::kNdjson, ProcessProtocol::kSinger,
                                            ProcessProtocol::kAirbyte};
  const ProcessProtocol protocol = kProtocols[data[0] % 3];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  process::MessageReader reader(protocol, "s", nullptr);
  const auto messages = reader.Read(text);
  if (messages.ok()) {
    for (const auto& message : *messages) {
      for (const uint32_t row : message.rows ? message.rows->rows : std::vector<uint32_t>()) {
        static_cast<void>(firn::format::json::CheckRecord(*message.rows->page, row));
      }
      if (message.state) {
        static_cast<void>(process::ReadCommand({.command = {"p"}, .protocol = protocol},
                                               {.stream = "s", .config = "{}", .state = *message.state}));
      }
    }
  }
  if (protocol != ProcessProtocol::kNdjson)
    static_cast<void>(process::SelectStream(protocol, std::string(text), "s", true));
  return 0;
}
